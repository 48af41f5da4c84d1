/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a candidate would do to the domains that run. Changes nothing.
 */
#ifndef VMSEG_EFFECT_H
#define VMSEG_EFFECT_H

#include "hostd/change/candidate.h"

/* A port on which something would change. */
struct port_effect {
	const struct managed_domain *domain;
	const struct managed_port *port;
	const struct port_plan *plan; /* that it would have */
	struct port_changes changes;
	size_t sessions; /* live ones now */
	size_t denied;   /* those of them that the candidate does not go on with */
};

struct effect_visitor {
	/* A domain that would keep what it has, and why. */
	void (*refused)(const struct managed_domain *domain, const char *error, void *context);
	/* A session that would be cut at its next packet; `verdict` is the plan's cell. Not called
	 * for ports in audit mode, where none is. The effect's counts are not there yet. */
	void (*session)(const struct port_effect *effect, const struct session_view *view,
			uint32_t verdict, void *context);
	/* After its sessions. */
	void (*port)(const struct port_effect *effect, void *context);
	void *context;
};

/* In order of domains' names. */
void measure_effect(struct enforcer *enforcer, struct candidate *candidate,
		    const struct effect_visitor *visitor);

#endif
