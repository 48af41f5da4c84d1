/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The effective policy of a port: what is compiled to its image.
 */
#ifndef VMSEG_POLICY_EFFECTIVE_POLICY_H
#define VMSEG_POLICY_EFFECTIVE_POLICY_H

#include "hostd/policy/model.h"

/* Addresses of a group's members now; the single seam for every source of addresses. Returns the
 * count and a borrowed, sorted array. An unknown group has no members. */
struct group_source {
	size_t (*members)(void *context, const char *group, const struct prefix **ret);
	void *context;
};

/* Addresses that one or several rules name: sorted, none inside another. */
struct prefix_list {
	struct prefix *prefixes;
	size_t count; /* 0: an empty group or set, which matches nothing */
};

#define ANY_REMOTE SIZE_MAX

/* A rule of a port's effective policy, with its remotes expanded to prefixes. */
struct effective_rule {
	const struct rule *rule; /* borrowed from the library or the domain policy */
	const char *policy; /* name of the policy it comes from, borrowed; "inline": it has none */
	bool is_inline;     /* of the domain's own */
	size_t list;        /* index into the policy's lists, or ANY_REMOTE */
};

/* The place of each setting, borrowed; source NULL: the value is built in. */
struct setting_places {
	struct place defaults[2]; /* by enum direction */
	struct place guards[GUARD_KIND_COUNT];
	struct place limits[LIMIT_COUNT];
};

struct effective_policy {
	enum policy_mode mode;
	enum action default_action[2]; /* by enum direction */
	uint32_t guards;               /* enum guard_bit */
	uint16_t vlans[PORT_VLANS_MAX];
	size_t vlan_count;
	uint32_t limits[LIMIT_COUNT]; /* 0: unlimited, except LIMIT_SESSIONS, always > 0 */
	struct prefix addresses[PORT_ADDRESSES_MAX];
	size_t address_count;
	struct effective_rule *rules; /* first match wins */
	size_t rule_count;
	struct prefix_list *lists; /* rules that name the same remotes share one */
	size_t list_count;
	struct setting_places setting_places;
	struct place place; /* of the domain's metadata, for messages; source is borrowed */
	char **groups;      /* names of the groups that the rules mention: sorted, no duplicates */
	size_t group_count;
};

/* Prefixes in all lists of an effective policy together. */
#define PREFIXES_MAX (1U << 20)

void free_effective_policy(struct effective_policy **policy);

#endif
