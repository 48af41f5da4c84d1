/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON views of domains and ports, shared by requests and events.
 */
#ifndef VMSEG_CONTROL_VIEWS_H
#define VMSEG_CONTROL_VIEWS_H

#include <jansson.h>

#include "hostd/base/json_text.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

struct session_view;

/* "enforce", "audit", "unmanaged", "detached", "closed" (an interface passes nothing), "waiting"
 * (for its device) or "stale" (not all that is asked for now is in force: see its error). `gap` is
 * what find_gap() found, or NULL. */
const char *domain_state(const struct managed_domain *domain, const char *gap);

/* Metadata that has no effect, that the domain is detached, that its changes cannot be seen: a
 * sentence each. */
json_t *view_warnings(const struct enforcer *enforcer, const struct managed_domain *domain);

/* The warnings of a diagnosis, a text each. */
json_t *view_diag_warnings(const struct diag *diag);

/* The domain's interfaces that cannot be filtered; none of a domain that is left alone. */
json_t *view_unfiltered(const struct managed_domain *domain);

/* Everything about a port; `rules` adds its rules with their hits. */
json_t *view_port(struct enforcer *enforcer, const struct managed_port *port);

/* One of the port's sessions: session_requests.c. */
json_t *view_session(const struct managed_port *port, const struct session_view *view);

/* The word for the port's guard, as in <guards>. */
json_t *view_guard(const struct port_config *config, enum guard_kind kind);

/* The rule of the plan that a verdict cell names; null: none, the default decides. */
json_t *view_deciding_rule(const struct port_plan *plan, uint32_t verdict);

/* "in" or "out"; any value but DIRECTION_IN is out. */
const char *direction_name(int direction);

/* "allow" or "deny". */
const char *action_name(enum action action);

#endif
