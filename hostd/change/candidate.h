/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A candidate: a policy or address set that could be applied. These functions compute the result
 * and change nothing.
 */
#ifndef VMSEG_CANDIDATE_H
#define VMSEG_CANDIDATE_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

struct candidate {
	const char *name;         /* the policy's or set's own */
	struct library *library;  /* the daemon's, with the candidate in place of its namesake */
	struct rules_cache rules; /* of the domains that were planned with it */
};

/* Judges the text as `policy apply` does: a policy must resolve and compile on its own. `source`
 * names the text in messages and in the places of its rules. The result borrows the enforcer's
 * library and must not outlive it. Returns 0 or -errno with an error in diag; rules that never
 * match are warnings in it. */
int read_candidate(const struct enforcer *enforcer, const char *xml, const char *source,
		   struct candidate **ret, struct diag *diag);
void free_candidate(struct candidate **candidate);

/* Plans what each NIC of a running domain would have. *ret is NULL for a domain that would not be
 * filtered. Returns 0, or -errno with an error in diag: then the domain would keep its
 * configuration. */
int plan_candidate(struct enforcer *enforcer, struct candidate *candidate,
		   const struct managed_domain *domain, struct domain_plan **ret,
		   struct diag *diag);

/* The same with the candidate, which is a policy, as the only one of every NIC, whatever the domain
 * names; the mandatory policy comes before it, and what the domain says besides holds. */
int plan_candidate_alone(struct enforcer *enforcer, struct candidate *candidate,
			 const struct managed_domain *domain, struct domain_plan **ret,
			 struct diag *diag);

/* The plan of the NIC that the port belongs to; NULL: the domain plans none for it. */
const struct port_plan *find_port_plan(const struct domain_plan *plan,
				       const struct managed_port *port);

#endif
