/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups: label -> addresses of the running domains that carry it. Built whole from the domains,
 * compared with the last, then swapped.
 */
#ifndef VMSEG_GROUPS_H
#define VMSEG_GROUPS_H

#include "hostd/enforce/inventory/managed.h"
#include "hostd/policy/compile/resolve.h"

struct groups;

/* From a uthash table of domains by its head. The members of a domain's groups are its
 * addresses (addresses.h). */
int build_groups(const struct managed_domain *domains, struct groups **ret);
void free_groups(struct groups **groups);

/* Sorted, without duplicates. NULL groups have no members. */
size_t group_members(const struct groups *groups, const char *name, const struct prefix **ret);
bool group_differs(const struct groups *a, const struct groups *b, const char *name);

#endif
