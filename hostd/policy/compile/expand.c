/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expansion of remotes, and the table that makes rules share it.
 */
#include "hostd/policy/compile/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/hash.h"

/* A list of prefixes by the remotes that it came from. */
struct known_list {
	char *key;
	size_t list;
	UT_hash_handle hh;
};

static int out_of_memory(struct expander *expander)
{
	return fail_memory(expander->diag, NULL);
}

static int remember_group(struct expander *expander, const char *name)
{
	struct effective_policy *policy = expander->policy;
	char **groups;

	for (size_t i = 0; i < policy->group_count; i++) {
		if (strcmp(policy->groups[i], name) == 0)
			return 0;
	}
	groups = grow_array(policy->groups, policy->group_count, sizeof(*groups));
	if (!groups)
		return out_of_memory(expander);
	policy->groups = groups;
	groups[policy->group_count] = strdup(name);
	return groups[policy->group_count++] ? 0 : out_of_memory(expander);
}

/* The prefixes of a remote, borrowed. */
static int find_prefixes(struct expander *expander, const struct rule *rule,
			 const struct remote *remote, const struct prefix **ret, size_t *ret_count)
{
	_cleanup_(clear_diag) struct diag inner = {0};
	const struct address_set *set;

	switch (remote->kind) {
	case REMOTE_CIDR:
		*ret = &remote->cidr;
		*ret_count = 1;
		return 0;
	case REMOTE_GROUP:
		*ret_count = expander->groups ? expander->groups->members(expander->groups->context,
									  remote->name, ret)
					      : 0;
		return remember_group(expander, remote->name);
	case REMOTE_SET:
		set = find_address_set(expander->library, remote->name, &inner);
		if (!set)
			return fail(expander->diag, ENOENT, rule->place.source, remote->line,
				    "<remote>: set=\"%s\": %s", remote->name, diag_message(&inner));
		*ret = set->prefixes;
		*ret_count = set->prefix_count;
		return 0;
	}
	return -EINVAL;
}

static int append_prefixes(struct expander *expander, struct prefix_list *list,
			   const struct prefix *prefixes, size_t count)
{
	struct prefix *grown;

	expander->prefix_count += count;
	if (expander->prefix_count > PREFIXES_MAX)
		return fail(expander->diag, E2BIG, expander->policy->place.source,
			    expander->policy->place.line,
			    "the rules name more than %u prefixes in total", PREFIXES_MAX);
	grown = reallocarray(list->prefixes, list->count + count + 1, sizeof(*grown));
	if (!grown)
		return out_of_memory(expander);
	list->prefixes = grown;
	if (count)
		memcpy(grown + list->count, prefixes, count * sizeof(*prefixes));
	list->count += count;
	return 0;
}

/* Sorts, and drops what lies inside another prefix of its family. A container sorts before its
 * contents, but IPv4 sorts in the middle of IPv6: each family has its own last container. */
static void normalize_list(struct prefix_list *list)
{
	const struct prefix *container[2] = {NULL, NULL};
	size_t kept = 0;

	if (list->count)
		qsort(list->prefixes, list->count, sizeof(*list->prefixes), compare_prefixes);
	for (size_t i = 0; i < list->count; i++) {
		const struct prefix *prefix = &list->prefixes[i];
		const struct prefix **last = &container[is_ipv4(prefix->address)];

		if (*last && prefix_contains(*last, prefix->address))
			continue;
		list->prefixes[kept] = *prefix;
		*last = &list->prefixes[kept++];
	}
	list->count = kept;
}

static int fill_list(struct expander *expander, const struct rule *rule, struct prefix_list *list)
{
	for (size_t i = 0; i < rule->remote_count; i++) {
		const struct prefix *prefixes = NULL;
		size_t count = 0;
		int r = find_prefixes(expander, rule, &rule->remotes[i], &prefixes, &count);

		if (!r)
			r = append_prefixes(expander, list, prefixes, count);
		if (r)
			return r;
	}
	normalize_list(list);
	return 0;
}

/* The same text for the same remotes. */
static char *make_list_key(const struct rule *rule)
{
	static const char kinds[] = {[REMOTE_CIDR] = 'c', [REMOTE_GROUP] = 'g', [REMOTE_SET] = 's'};
	char *key = NULL;
	size_t size;
	FILE *stream = open_memstream(&key, &size);
	bool failed;

	if (!stream)
		return NULL;
	for (size_t i = 0; i < rule->remote_count; i++) {
		const struct remote *remote = &rule->remotes[i];
		char text[PREFIX_TEXT_BYTES];

		fprintf(stream, "%c %s\n", kinds[remote->kind],
			remote->name ? remote->name : format_prefix(&remote->cidr, text));
	}
	failed = ferror(stream);
	if (fclose(stream) || failed) {
		free(key);
		return NULL;
	}
	return key;
}

static int add_list(struct expander *expander, const struct rule *rule, size_t *ret)
{
	struct effective_policy *policy = expander->policy;
	struct prefix_list *lists;
	int r;

	lists = grow_array(policy->lists, policy->list_count, sizeof(*lists));
	if (!lists)
		return out_of_memory(expander);
	policy->lists = lists;
	r = fill_list(expander, rule, &lists[policy->list_count++]);
	if (!r)
		*ret = policy->list_count - 1;
	return r;
}

int expand_remotes(struct expander *expander, const struct rule *rule, size_t *ret)
{
	_cleanup_free_ char *key = make_list_key(rule);
	struct known_list *known = NULL;
	unsigned int size;
	int r;

	if (!key)
		return out_of_memory(expander);
	size = (unsigned int)strlen(key);
	HASH_FIND(hh, expander->known, key, size, known);
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return out_of_memory(expander);
		r = add_list(expander, rule, &known->list);
		if (r) {
			free(known);
			return r;
		}
		HASH_ADD_KEYPTR(hh, expander->known, key, size, known);
		if (!was_added(&known->hh)) {
			free(known);
			return out_of_memory(expander);
		}
		known->key = TAKE_PTR(key);
	}
	*ret = known->list;
	return 0;
}

void free_expander(struct expander *expander)
{
	struct known_list *known, *next;

	HASH_ITER (hh, expander->known, known, next) {
		HASH_DEL(expander->known, known);
		free(known->key);
		free(known);
	}
}
