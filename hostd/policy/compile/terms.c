/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Terms and their spans on the two port axes.
 */
#include "hostd/policy/compile/terms.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"

#define KEYS_OF_A_DIRECTION (1U << DIRECTION_SHIFT)

/* ---- spans of a service --------------------------------------------------------------------- */

/* Key of a protocol and destination port, without the direction. */
static struct span service_span(const struct service *service)
{
	uint32_t base = (uint32_t)service->protocol << PROTOCOL_SHIFT;
	uint32_t first = service->port_first, last = service->port_last;

	if (service->icmp_type >= 0) {
		first = (uint32_t)service->icmp_type << 8;
		last = first | 0xff;
	}
	if (service->icmp_code >= 0)
		first = last = first | (uint32_t)service->icmp_code;
	return (struct span){base | first, base | last};
}

static struct span source_span(const struct service *service)
{
	uint32_t base = (uint32_t)service->protocol << PROTOCOL_SHIFT;

	return (struct span){base | service->source_first, base | service->source_last};
}

static bool has_any_source(const struct service *service)
{
	return service->source_first == 0 && service->source_last == UINT16_MAX;
}

/* May two services of a rule be in one term? */
static bool share_sources(const struct service *a, const struct service *b)
{
	if (has_any_source(a) || has_any_source(b))
		return has_any_source(a) && has_any_source(b);
	return a->protocol == b->protocol && a->source_first == b->source_first &&
	       a->source_last == b->source_last;
}

/* ---- terms of a rule ------------------------------------------------------------------------ */

/* Copies the span into each direction of the rule; returns how many. */
static size_t span_directions(const struct rule *rule, struct span span, struct span *spans)
{
	const bool holds[] = {[DIRECTION_IN] = rule->in, [DIRECTION_OUT] = rule->out};
	size_t count = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(holds); i++) {
		uint32_t base = i << DIRECTION_SHIFT;

		if (holds[i])
			spans[count++] = (struct span){base | span.first, base | span.last};
	}
	return count;
}

static int add_term(struct terms *terms, struct term term)
{
	struct term *items = grow_array(terms->items, terms->count, sizeof(*items));

	if (!items)
		return -ENOMEM;
	terms->items = items;
	items[terms->count++] = term;
	return 0;
}

/* The term of the rule's service number `first` and of all later ones that share its sources. */
static int add_service_term(struct terms *terms, uint32_t index, const struct rule *rule,
			    size_t first, bool *taken)
{
	_cleanup_free_ struct span *spans = malloc(rule->service_count * 2 * sizeof(*spans));
	const struct service *head = &rule->services[first];
	struct term term = {.rule = index, .sources = ANY_SOURCE};
	size_t count = 0;
	int r;

	if (!spans)
		return -ENOMEM;
	for (size_t i = first; i < rule->service_count; i++) {
		const struct service *service = &rule->services[i];

		if (taken[i] || !share_sources(head, service))
			continue;
		taken[i] = true;
		count += span_directions(rule, service_span(service), spans + count);
	}
	r = add_span_set(&terms->column_sets, spans, count, &term.columns);
	if (!r && !has_any_source(head)) {
		struct span source = source_span(head);

		r = add_span_set(&terms->source_sets, &source, 1, &term.sources);
	}
	return r ? r : add_term(terms, term);
}

static int add_rule_terms(struct terms *terms, uint32_t index, const struct rule *rule)
{
	_cleanup_free_ bool *taken = calloc(rule->service_count + 1, sizeof(*taken));
	const struct span every_service = {0, KEYS_OF_A_DIRECTION - 1};
	struct term term = {.rule = index, .sources = ANY_SOURCE};
	struct span spans[2];
	size_t count;
	int r = 0;

	if (!taken)
		return -ENOMEM;
	for (size_t i = 0; !r && i < rule->service_count; i++) {
		if (!taken[i])
			r = add_service_term(terms, index, rule, i, taken);
	}
	if (rule->service_count)
		return r;
	count = span_directions(rule, every_service, spans);
	r = add_span_set(&terms->column_sets, spans, count, &term.columns);
	return r ? r : add_term(terms, term);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* If no rule matches, the default of the direction decides. Then a class must not contain services
 * of both directions. */
static int part_directions(struct terms *terms)
{
	struct span in = {DIRECTION_IN << DIRECTION_SHIFT,
			  (DIRECTION_IN << DIRECTION_SHIFT) + KEYS_OF_A_DIRECTION - 1};
	uint32_t unused;

	return add_span_set(&terms->column_sets, &in, 1, &unused);
}

static int fill_terms(const struct effective_policy *policy, struct terms *terms)
{
	int r = 0;

	for (size_t i = 0; !r && i < policy->rule_count; i++)
		r = add_rule_terms(terms, (uint32_t)i, policy->rules[i].rule);
	if (!r && policy->default_action[DIRECTION_IN] != policy->default_action[DIRECTION_OUT])
		r = part_directions(terms);
	if (!r)
		r = build_axis(&terms->column_sets, 2 * KEYS_OF_A_DIRECTION, &terms->columns);
	return r ? r : build_axis(&terms->source_sets, KEYS_OF_A_DIRECTION, &terms->sources);
}

int build_terms(const struct effective_policy *policy, struct terms *ret)
{
	struct terms terms = {0};
	int r = fill_terms(policy, &terms);

	if (r)
		free_terms(&terms);
	else
		*ret = terms;
	return r;
}

void free_terms(struct terms *terms)
{
	free(terms->items);
	free_span_sets(&terms->column_sets);
	free_span_sets(&terms->source_sets);
	free_axis(&terms->columns);
	free_axis(&terms->sources);
	*terms = (struct terms){0};
}

size_t row_width(const struct terms *terms)
{
	return (size_t)terms->columns.class_count * terms->sources.class_count;
}

static void lower(uint32_t *word, uint32_t rule)
{
	if (rule < *word)
		*word = rule;
}

/* `cells`: the words of one column, by source. */
static void apply_to_column(const struct terms *terms, const struct term *term, uint32_t *cells)
{
	const struct span_set *set;

	if (term->sources == ANY_SOURCE) {
		for (uint32_t i = 0; i < terms->sources.class_count; i++)
			lower(&cells[i], term->rule);
		return;
	}
	set = &terms->source_sets.sets[term->sources];
	for (size_t i = 0; i < set->count; i++) {
		for (uint32_t atom = set->spans[i].first; atom <= set->spans[i].last; atom++)
			lower(&cells[terms->sources.classes[atom]], term->rule);
	}
}

void apply_term(const struct terms *terms, const struct term *term, uint32_t *row)
{
	const struct span_set *set = &terms->column_sets.sets[term->columns];
	uint32_t sources = terms->sources.class_count;

	for (size_t i = 0; i < set->count; i++) {
		for (uint32_t atom = set->spans[i].first; atom <= set->spans[i].last; atom++)
			apply_to_column(terms, term,
					row + (size_t)terms->columns.classes[atom] * sources);
	}
}
