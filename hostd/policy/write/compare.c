/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both sides are taken apart into elements, each with a key that says which it is and the text that
 * it has. Sorted by key, the sides are merged.
 */
#include "hostd/policy/write/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/policy/write/print.h"

const char *const change_names[] = {
	[CHANGE_ADDED] = "added",
	[CHANGE_REMOVED] = "removed",
	[CHANGE_CHANGED] = "changed",
	[CHANGE_MOVED] = "moved",
};

struct element {
	const char *what;
	char *key;               /* among those of one kind; a rule without id goes by its text */
	char *text;              /* canonical XML */
	const struct rule *rule; /* NULL: no rule */
	size_t place;            /* among the elements of its side */
	struct element *other;   /* of the same key on the other side; NULL: there is none */
	bool moved;
};

struct elements {
	struct element *items;
	size_t count;
};

static void free_elements(struct elements *elements)
{
	for (size_t i = 0; i < elements->count; i++) {
		free(elements->items[i].key);
		free(elements->items[i].text);
	}
	free(elements->items);
}

void free_changes(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->items[i].id);
		free(changes->items[i].before);
		free(changes->items[i].after);
	}
	free(changes->items);
	*changes = (struct changes){0};
}

/* ---- taking apart --------------------------------------------------------------------------- */

/* Takes over text, which may be NULL for lack of memory. An element without content is left out. */
static int add_element(struct elements *elements, const char *what, const char *key, char *text,
		       const struct rule *rule)
{
	struct element element = {what, NULL, text, rule, elements->count, NULL, false};
	struct element *grown;

	if (text && !text[0]) {
		free(text);
		return 0;
	}
	element.key = text ? strdup(key ? key : text) : NULL;
	grown = element.key ? grow_array(elements->items, elements->count, sizeof(*grown)) : NULL;
	if (!grown) {
		free(element.key);
		free(text);
		return -ENOMEM;
	}
	elements->items = grown;
	grown[elements->count++] = element;
	return 0;
}

enum part { PART_DESCRIPTION, PART_DEFAULT, PART_GUARDS, PART_LIMITS, PART_COUNT };

static const char *const part_names[PART_COUNT] = {"description", "default", "guards", "limits"};

static void print_part(const struct policy *policy, enum part part, FILE *stream)
{
	switch (part) {
	case PART_DESCRIPTION:
		print_description(policy->description, 0, stream);
		break;
	case PART_DEFAULT:
		print_defaults(&policy->defaults, 0, stream);
		break;
	case PART_GUARDS:
		print_guards(&policy->guards, 0, stream);
		break;
	default:
		print_limits(&policy->limits, 0, stream);
	}
}

/* NULL when out of memory. */
static char *part_text(const struct policy *policy, enum part part)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	print_part(policy, part, stream);
	return fclose(stream) == 0 ? text : NULL;
}

static char *rule_text(const struct rule *rule)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	print_rule(rule, 0, stream);
	return fclose(stream) == 0 ? text : NULL;
}

static int take_policy(const struct policy *policy, struct elements *elements)
{
	int r = 0;

	for (enum part part = 0; r == 0 && part < PART_COUNT; part++)
		r = add_element(elements, part_names[part], part_names[part],
				part_text(policy, part), NULL);
	for (size_t i = 0; r == 0 && i < policy->rule_count; i++)
		r = add_element(elements, "rule", policy->rules[i].id, rule_text(&policy->rules[i]),
				&policy->rules[i]);
	return r;
}

static int take_set(const struct address_set *set, struct elements *elements)
{
	char prefix[PREFIX_TEXT_BYTES], *text;
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->prefix_count; i++) {
		format_prefix(&set->prefixes[i], prefix);
		if (asprintf(&text, "<cidr>%s</cidr>\n", prefix) < 0)
			return -ENOMEM;
		r = add_element(elements, "cidr", prefix, text, NULL);
	}
	return r;
}

static int take_apart(const struct policy_or_set *side, struct elements *elements)
{
	if (side->policy)
		return take_policy(side->policy, elements);
	return side->set ? take_set(side->set, elements) : 0;
}

/* ---- who is who ----------------------------------------------------------------------------- */

static int compare_keys(const struct element *a, const struct element *b)
{
	int r = strcmp(a->what, b->what);

	return r ? r : strcmp(a->key, b->key);
}

/* Those with equal keys, which say the same, keep their order. */
static int compare_elements(const void *a, const void *b)
{
	const struct element *const *left = a, *const *right = b;
	int r = compare_keys(*left, *right);

	return r ? r : (*left)->place < (*right)->place ? -1 : 1;
}

static struct element **sort_elements(const struct elements *elements)
{
	struct element **sorted = calloc(elements->count + 1, sizeof(struct element *));

	for (size_t i = 0; sorted && i < elements->count; i++)
		sorted[i] = &elements->items[i];
	if (sorted)
		qsort(sorted, elements->count, sizeof(struct element *), compare_elements);
	return sorted;
}

static int match_elements(const struct elements *before, const struct elements *after)
{
	_cleanup_free_ struct element **left = sort_elements(before);
	_cleanup_free_ struct element **right = sort_elements(after);
	size_t i = 0, j = 0;

	if (!left || !right)
		return -ENOMEM;
	while (i < before->count && j < after->count) {
		int order = compare_keys(left[i], right[j]);

		if (order == 0) {
			left[i]->other = right[j];
			right[j]->other = left[i];
		}
		i += order <= 0;
		j += order >= 0;
	}
	return 0;
}

/* Marks the rules that are not in the longest run of rules which kept their order: the longest
 * increasing subsequence of their old places, by patience sorting. */
static int mark_moved(const struct elements *after)
{
	_cleanup_free_ struct element **tails = calloc(after->count + 1, sizeof(struct element *));
	_cleanup_free_ size_t *links = calloc(after->count + 1, sizeof(*links)); /* place + 1 */
	size_t length = 0;

	if (!tails || !links)
		return -ENOMEM;
	for (size_t i = 0; i < after->count; i++) {
		struct element *element = &after->items[i];
		size_t low = 0, high = length;

		if (!element->rule || !element->other)
			continue;
		element->moved = true;
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (tails[middle]->other->place < element->other->place)
				low = middle + 1;
			else
				high = middle;
		}
		links[i] = low ? tails[low - 1]->place + 1 : 0;
		tails[low] = element;
		if (low == length)
			length++;
	}
	for (size_t next = length ? tails[length - 1]->place + 1 : 0; next; next = links[next - 1])
		after->items[next - 1].moved = false;
	return 0;
}

/* ---- changes -------------------------------------------------------------------------------- */

static int copy_text(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* Either side may be NULL, not both. */
static int add_change(struct changes *changes, const struct element *before,
		      const struct element *after)
{
	const struct element *element = after ? after : before;
	struct change *grown = grow_array(changes->items, changes->count, sizeof(*grown)), *change;
	int r;

	if (!grown)
		return -ENOMEM;
	changes->items = grown;
	change = &grown[changes->count++];
	*change = (struct change){
		.kind = !before                                  ? CHANGE_ADDED
			: !after                                 ? CHANGE_REMOVED
			: strcmp(before->text, after->text) != 0 ? CHANGE_CHANGED
								 : CHANGE_MOVED,
		.what = element->what,
		.moved = before && after && after->moved,
		.line_before = before && before->rule ? before->rule->place.line : 0,
		.line_after = after && after->rule ? after->rule->place.line : 0,
	};
	r = copy_text(element->rule ? element->rule->id : NULL, &change->id);
	if (r == 0)
		r = copy_text(before ? before->text : NULL, &change->before);
	if (r == 0)
		r = copy_text(after ? after->text : NULL, &change->after);
	return r;
}

static int list_changes(const struct elements *before, const struct elements *after,
			struct changes *changes)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < before->count; i++) {
		if (!before->items[i].other)
			r = add_change(changes, &before->items[i], NULL);
	}
	for (size_t i = 0; r == 0 && i < after->count; i++) {
		const struct element *element = &after->items[i];

		if (!element->other || element->moved ||
		    strcmp(element->text, element->other->text) != 0)
			r = add_change(changes, element->other, element);
	}
	return r;
}

int compare_policies(const struct policy_or_set *before, const struct policy_or_set *after,
		     struct changes *ret)
{
	_cleanup_(free_elements) struct elements left = {0}, right = {0};
	_cleanup_(free_changes) struct changes changes = {0};
	int r = take_apart(before, &left);

	if (r == 0)
		r = take_apart(after, &right);
	if (r == 0)
		r = match_elements(&left, &right);
	if (r == 0)
		r = mark_moved(&right);
	if (r == 0)
		r = list_changes(&left, &right, &changes);
	if (r < 0)
		return r;
	*ret = changes;
	changes = (struct changes){0};
	return 0;
}
