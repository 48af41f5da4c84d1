/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "explain" is asked about: a port and the first packet of a flow across it.
 */
#ifndef VMSEG_CONTROL_EXPLAIN_QUESTION_H
#define VMSEG_CONTROL_EXPLAIN_QUESTION_H

#include <jansson.h>

#include "hostd/datapath/queries/probe.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* The port that "nic" names, by device or MAC; without it the domain must have one port only. NULL
 * with an error in diag. */
const struct managed_port *choose_port(const struct managed_domain *domain, const json_t *params,
				       struct diag *diag);

/* The packet, with what is not said taken from the plan that is asked about (NULL: not known) or
 * from custom. Returns 0 or -EINVAL with an error in diag. */
int read_question(const json_t *params, const struct managed_port *port,
		  const struct port_plan *plan, struct probe *ret, struct diag *diag);

#endif
