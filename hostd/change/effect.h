/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Computes how a candidate would change the running domains. Changes nothing.
 */
#ifndef VMSEG_EFFECT_H
#define VMSEG_EFFECT_H

#include "hostd/change/candidate.h"
#include "hostd/datapath/ports/update.h"

struct session_view;

/* A domain that depends on the candidate. */
struct domain_effect {
	char *name;
	char *error;              /* why it would keep what it has; NULL: it would not */
	struct domain_plan *plan; /* NULL: it would be left alone, or there is an error */
};

/* A port on which something would change. */
struct port_effect {
	const char *domain; /* its name */
	char device[16];    /* IF_NAMESIZE */
	unsigned int ifindex;
	const struct port_plan *plan; /* that it would have */
	struct port_changes changes;
	uint64_t sessions; /* live ones */
	uint64_t denied;   /* those of them that the candidate does not go on with */
};

/* In order of domains' names. */
struct effect {
	struct domain_effect *domains;
	size_t domain_count;
	struct port_effect *ports;
	size_t port_count;
	size_t judged;  /* ports whose sessions have been */
	uint32_t place; /* in the sessions of the next one: see page_sessions() */
};

/* A session that would be cut at its next packet; `verdict` is the plan's cell. Not called for
 * ports in audit mode, where none is. */
typedef void (*cut_callback)(const struct port_effect *effect, const struct managed_port *port,
			     const struct session_view *view, uint32_t verdict, void *context);

/* Plans each domain that depends on the candidate, which is not needed any more when that is done.
 * Looks at no session. Returns 0 or -ENOMEM. */
int foresee_effect(struct enforcer *enforcer, struct candidate *candidate, struct effect **ret);

/* Judges about `wanted` more sessions and adds them to the counts of their port. Anything may
 * change between two calls: a session is judged in its current state, and a port that is gone has
 * no sessions. Returns 1 if there are more, 0 at the end, or -errno when the sessions of
 * effect->ports[effect->judged] cannot be read. */
int judge_sessions(struct effect *effect, struct enforcer *enforcer, uint32_t wanted,
		   cut_callback cut, void *context);

void free_effect(struct effect **pointer);

#endif
