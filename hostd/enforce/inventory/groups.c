/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group table.
 */
#include "hostd/enforce/inventory/groups.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/enforce/inventory/addresses.h"

struct group {
	char *name;
	struct prefix *members;
	size_t count;
	UT_hash_handle hh;
};

struct groups {
	struct group *table;
};

static struct group *find_group(const struct groups *groups, const char *name)
{
	struct group *group = NULL;

	if (groups)
		HASH_FIND_STR(groups->table, name, group);
	return group;
}

static struct group *get_group(struct groups *groups, const char *name)
{
	struct group *group = find_group(groups, name);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->name = strdup(name);
	if (group->name)
		HASH_ADD_KEYPTR(hh, groups->table, group->name, strlen(group->name), group);
	if (!was_added(&group->hh)) {
		free(group->name);
		free(group);
		return NULL;
	}
	return group;
}

static int add_member(const struct prefix *prefix, void *context)
{
	struct group *group = context;
	struct prefix *grown = grow_array(group->members, group->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	group->members = grown;
	grown[group->count++] = *prefix;
	return 0;
}

static int add_domain(struct groups *groups, const struct managed_domain *managed)
{
	const struct domain_policy *policy = managed->policy;

	for (size_t i = 0; policy && i < policy->group_count; i++) {
		struct group *group = get_group(groups, policy->groups[i]);

		if (!group || for_each_address(managed, add_member, group) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void sort_members(struct group *group)
{
	size_t kept = 0;

	if (group->count == 0)
		return;
	qsort(group->members, group->count, sizeof(*group->members), compare_prefixes);
	for (size_t i = 1; i < group->count; i++) {
		if (compare_prefixes(&group->members[kept], &group->members[i]) != 0)
			group->members[++kept] = group->members[i];
	}
	group->count = kept + 1;
}

int build_groups(const struct managed_domain *domains, struct groups **ret)
{
	_cleanup_(free_groups) struct groups *groups = calloc(1, sizeof(*groups));
	const struct managed_domain *managed;
	struct group *group;

	if (!groups)
		return -ENOMEM;
	for (managed = domains; managed; managed = managed->hh.next) {
		if (!is_waiting(managed) && add_domain(groups, managed) < 0)
			return -ENOMEM;
	}
	for (group = groups->table; group; group = group->hh.next)
		sort_members(group);
	*ret = TAKE_PTR(groups);
	return 0;
}

void free_groups(struct groups **groups)
{
	struct group *group, *next;

	if (!*groups)
		return;
	HASH_ITER (hh, (*groups)->table, group, next) {
		HASH_DEL((*groups)->table, group);
		free(group->name);
		free(group->members);
		free(group);
	}
	free(*groups);
	*groups = NULL;
}

size_t group_members(const struct groups *groups, const char *name, const struct prefix **ret)
{
	const struct group *group = find_group(groups, name);

	*ret = group ? group->members : NULL;
	return group ? group->count : 0;
}

bool group_differs(const struct groups *a, const struct groups *b, const char *name)
{
	const struct prefix *members_a, *members_b;
	size_t count_a = group_members(a, name, &members_a);
	size_t count_b = group_members(b, name, &members_b);

	if (count_a != count_b)
		return true;
	for (size_t i = 0; i < count_a; i++) {
		if (compare_prefixes(&members_a[i], &members_b[i]) != 0)
			return true;
	}
	return false;
}
