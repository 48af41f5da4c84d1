/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan: what each NIC of a domain shall have, worked out in full before anything is touched.
 * Making one reads no device and no map, so a bad policy is known before it can do harm.
 */
#ifndef VMSEG_PLAN_H
#define VMSEG_PLAN_H

#include "hostd/base/diag.h"
#include "hostd/config/config.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/domain/domain.h"
#include "hostd/enforce/plan/rules_cache.h"
#include "hostd/policy/compile/compile.h"
#include "hostd/policy/compile/resolve.h"
#include "hostd/policy/read/library.h"

/* Where each setting is written: "web-server.xml:3"; NULL: it is built in. */
struct setting_notes {
	char *defaults[2]; /* by enum direction */
	char *guards[GUARD_KIND_COUNT];
	char *limits[LIMIT_COUNT];
};

/* One NIC. */
struct port_plan {
	uint8_t mac[MAC_BYTES];
	char *type;   /* as in the domain's XML */
	char *target; /* host device; NULL before libvirt has chosen one */
	bool closed;  /* stands in for a plan that could not be made: nothing passes */
	/* Why it is not the plan that was asked for: an earlier one stands in for it, or, where
	 * there is no image, none. NULL: it is. */
	char *error;
	bool in_force; /* on a port that was attached before */
	struct port_config config;
	struct image *image; /* given up once it is in force */
	uint32_t image_nodes;
	enum action default_action[2]; /* by enum direction */
	struct setting_notes settings;
	struct rule_notes *rules;
	char **policies; /* names in their order, the mandatory one first */
	size_t policy_count;
};

struct domain_plan {
	struct port_plan **ports; /* NICs that can be filtered; taken out one by one when applied */
	size_t port_count;
	bool partial; /* it is not about all that the domain has: other ports stay as they are */
};

/* All that decides a plan beside the domain. */
struct plan_inputs {
	const struct config *config;
	const struct library *library;
	struct group_source groups;
	struct rules_cache *rules; /* of this library and these groups; NULL: none is kept */
};

/* All NICs or none, those left out that cannot be filtered if the settings allow them. Returns 0 or
 * -errno with an error in diag; warns as warn_of_unknown_interfaces() does (description.h). */
int plan_domain(const struct plan_inputs *inputs, const struct domain *domain,
		const struct domain_policy *policy, struct domain_plan **ret, struct diag *diag);

/* Each NIC for itself: where a NIC's plan cannot be made, an entry without an image carries the
 * error. Returns 0, or -errno with an error in diag for what concerns all of them. */
int plan_nics(const struct plan_inputs *inputs, const struct domain *domain,
	      const struct domain_policy *policy, struct domain_plan **ret, struct diag *diag);

/* One NIC, as plan_domain() would. */
int plan_nic(const struct plan_inputs *inputs, const struct domain *domain,
	     const struct domain_interface *nic, const struct domain_policy *policy,
	     struct port_plan **ret, struct diag *diag);

/* A plan without NICs, and room for `capacity` of them. Returns 0 or -ENOMEM. */
int new_domain_plan(size_t capacity, struct domain_plan **ret);

/* Adds an entry without an image, for a NIC whose plan cannot be made. Returns 0 or -ENOMEM. */
int add_failed_nic(struct domain_plan *plan, const struct domain_interface *nic, const char *error);

/* A plan that lets nothing through, for a device that must wait. */
int plan_closed(const struct domain_interface *nic, struct port_plan **ret);

void free_port_plan(struct port_plan **plan);
void free_domain_plan(struct domain_plan **plan);

#endif
