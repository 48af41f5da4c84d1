/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains of the last daemon.
 */
#ifndef VMSEG_ADOPT_DOMAINS_H
#define VMSEG_ADOPT_DOMAINS_H

#include "hostd/enforce/inventory/enforcer.h"

/* Takes over the domains of the state files and the ports of the datapath. */
void adopt_domains(struct enforcer *enforcer);

#endif
