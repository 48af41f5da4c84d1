/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that decide nothing. Every cell of the verdict table names the rule that decides it, so a
 * rule that no cell names never does, whatever the packet: no sampling, no comparing of rules.
 *
 * Cells that no packet meets do not count: ICMP from an IPv6 address, or a source port of another
 * protocol than the service's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/compile.h"
#include "hostd/policy/compile/rows.h"
#include "hostd/policy/compile/terms.h"

#define RULE_NAME_BYTES (NAME_MAX_BYTES + 16)

#define IN_IPV4 (1 << 0)
#define IN_IPV6 (1 << 1)

/* The IP protocols that have keys in a class. */
struct protocols {
	uint64_t bits[4];
};

struct shadow_search {
	const struct effective_policy *policy;
	struct terms terms;
	struct rows rows;
	uint8_t *families;         /* by row: IN_IPV4, IN_IPV6; 0: no address has it */
	struct protocols *columns; /* by column class */
	struct protocols *sources; /* by source class */
	bool *decides;             /* by rule */
};

/* ---- which cells packets can meet ----------------------------------------------------------- */

static void add_protocols(struct protocols *protocols, uint32_t first_key, uint32_t last_key)
{
	for (uint32_t i = first_key >> PROTOCOL_SHIFT; i <= last_key >> PROTOCOL_SHIFT; i++)
		protocols->bits[i / 64 % 4] |= 1ULL << i % 64;
}

static bool have_common(const struct protocols *a, const struct protocols *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->bits); i++) {
		if (a->bits[i] & b->bits[i])
			return true;
	}
	return false;
}

/* Protocols of each class; keys of a direction follow those of the other, and protocols repeat. */
static struct protocols *find_protocols(const struct axis *axis, uint32_t end)
{
	struct protocols *protocols = calloc(axis->class_count, sizeof(*protocols));

	for (size_t i = 0; protocols && i < axis->atom_count; i++) {
		uint32_t next = i + 1 < axis->atom_count ? axis->starts[i + 1] : end;

		add_protocols(&protocols[axis->classes[i]], axis->starts[i], next - 1);
	}
	return protocols;
}

static uint8_t *find_families(const struct rows *rows)
{
	static const uint8_t families[] = {IN_IPV4, IN_IPV6};
	uint8_t *found = calloc(rows->verdicts.count, 1);

	for (size_t i = 0; found && i < ARRAY_SIZE(families); i++) {
		for (size_t j = 0; j < rows->runs[i].count; j++)
			found[rows->runs[i].items[j].value] |= families[i];
	}
	return found;
}

/* The families that can carry one of the protocols. */
static uint8_t families_of(const struct protocols *protocols)
{
	struct protocols ipv4 = *protocols, ipv6 = *protocols;
	const struct protocols any = {{~0ULL, ~0ULL, ~0ULL, ~0ULL}};

	ipv4.bits[IPPROTO_ICMPV6 / 64] &= ~(1ULL << IPPROTO_ICMPV6 % 64);
	ipv6.bits[IPPROTO_ICMP / 64] &= ~(1ULL << IPPROTO_ICMP % 64);
	return (have_common(&ipv4, &any) ? IN_IPV4 : 0) | (have_common(&ipv6, &any) ? IN_IPV6 : 0);
}

/* ---- the search ----------------------------------------------------------------------------- */

static void mark_row(struct shadow_search *search, uint32_t row)
{
	const uint32_t *cell = interned_record(&search->rows.verdicts, row);
	uint32_t sources = search->terms.sources.class_count;

	for (uint32_t column = 0; column < search->terms.columns.class_count; column++) {
		bool met = search->families[row] & families_of(&search->columns[column]);

		for (uint32_t source = 0; source < sources; source++, cell++) {
			if (*cell == NO_RULE || !met || search->decides[*cell])
				continue;
			search->decides[*cell] =
				have_common(&search->columns[column], &search->sources[source]);
		}
	}
}

/* A source class that goes with the column, among those of the term. */
static uint32_t pick_source(const struct shadow_search *search, const struct term *term,
			    uint32_t column)
{
	const struct axis *axis = &search->terms.sources;
	uint32_t class = 0;

	if (term->sources != ANY_SOURCE)
		return axis->classes[search->terms.source_sets.sets[term->sources].spans[0].first];
	while (!have_common(&search->columns[column], &search->sources[class]))
		class ++; /* every protocol is in some source class */
	return class;
}

/* A row that goes with the column, among those of the term's list; NO_RULE: none was found. */
static uint32_t pick_row(const struct shadow_search *search, const struct term *term,
			 uint32_t column)
{
	size_t list = search->policy->rules[term->rule].list;
	uint8_t families = families_of(&search->columns[column]);

	if (list != ANY_REMOTE) {
		uint32_t row = search->rows.list_rows[list];

		return search->families[row] & families ? row : NO_RULE;
	}
	for (uint32_t row = 0; row < search->rows.verdicts.count; row++) {
		if (search->families[row] & families)
			return row;
	}
	return NO_RULE;
}

/* The earlier rule that decides at one place where the term matches; NO_RULE: not found there. */
static uint32_t find_earlier(const struct shadow_search *search, const struct term *term)
{
	const struct terms *terms = &search->terms;
	uint32_t atom = terms->column_sets.sets[term->columns].spans[0].first;
	uint32_t column = terms->columns.classes[atom];
	uint32_t row = pick_row(search, term, column), rule;

	if (row == NO_RULE)
		return NO_RULE;
	rule = interned_record(&search->rows.verdicts,
			       row)[(size_t)column * terms->sources.class_count +
				    pick_source(search, term, column)];
	return rule < term->rule ? rule : NO_RULE;
}

/* Families of the rule's addresses that its services can come from. */
static uint8_t families_of_rule(const struct effective_policy *policy, uint32_t index)
{
	const struct effective_rule *effective = &policy->rules[index];
	const struct rule *rule = effective->rule;
	bool any = effective->list == ANY_REMOTE;
	const struct prefix_list *list = any ? NULL : &policy->lists[effective->list];
	uint8_t addresses = any ? IN_IPV4 | IN_IPV6 : 0;
	uint8_t services = rule->service_count == 0 ? IN_IPV4 | IN_IPV6 : 0;

	for (size_t i = 0; list && i < list->count; i++)
		addresses |= is_ipv4(list->prefixes[i].address) ? IN_IPV4 : IN_IPV6;
	for (size_t i = 0; i < rule->service_count; i++) {
		if (rule->services[i].protocol != IPPROTO_ICMPV6)
			services |= IN_IPV4;
		if (rule->services[i].protocol != IPPROTO_ICMP)
			services |= IN_IPV6;
	}
	return addresses & services;
}

/* "rule "x"", or what there is to call a rule without an id. */
static void print_rule_name(const struct rule *rule, char out[static RULE_NAME_BYTES])
{
	if (rule->id)
		snprintf(out, RULE_NAME_BYTES, "rule \"%s\"", rule->id);
	else
		snprintf(out, RULE_NAME_BYTES, "a rule without id");
}

static void report(const struct shadow_search *search, const struct term *term, struct diag *diag)
{
	const struct effective_policy *policy = search->policy;
	const struct place *place = &policy->rules[term->rule].rule->place;
	char name[RULE_NAME_BYTES], earlier_name[RULE_NAME_BYTES];
	uint32_t earlier = find_earlier(search, term);
	const struct rule *rule;

	print_rule_name(policy->rules[term->rule].rule, name);
	if (!families_of_rule(policy, term->rule)) {
		warn(diag, place->source, place->line,
		     "<rule>: %s matches nothing: ICMP is used only with IPv4 addresses, ICMPv6 "
		     "only with IPv6 addresses",
		     name);
		return;
	}
	if (earlier == NO_RULE) {
		warn(diag, place->source, place->line,
		     "<rule>: %s has no effect: earlier rules match everything that it matches",
		     name);
		return;
	}
	rule = policy->rules[earlier].rule;
	print_rule_name(rule, earlier_name);
	warn(diag, place->source, place->line,
	     "<rule>: %s has no effect: earlier rules match everything that it matches, such as %s "
	     "(%s:%d)",
	     name, earlier_name, rule->place.source ? rule->place.source : "?", rule->place.line);
}

static bool has_addresses(const struct effective_policy *policy, uint32_t rule)
{
	size_t list = policy->rules[rule].list;

	return list == ANY_REMOTE || policy->lists[list].count > 0;
}

static bool names_group(const struct rule *rule)
{
	for (size_t i = 0; i < rule->remote_count; i++) {
		if (rule->remotes[i].kind == REMOTE_GROUP)
			return true;
	}
	return false;
}

/* A rule without addresses. Its groups may have members tomorrow; sets only have what they say. */
static int report_empty(const struct effective_policy *policy, uint32_t index, struct diag *diag)
{
	const struct rule *rule = policy->rules[index].rule;
	char name[RULE_NAME_BYTES];

	if (names_group(rule))
		return 0;
	print_rule_name(rule, name);
	warn(diag, rule->place.source, rule->place.line,
	     "<rule>: %s matches nothing: its address sets are empty", name);
	return 1;
}

static int report_all(const struct shadow_search *search, struct diag *diag)
{
	int found = 0;

	for (size_t i = 0; i < search->terms.count; i++) {
		const struct term *term = &search->terms.items[i];
		bool first = i == 0 || search->terms.items[i - 1].rule != term->rule;

		if (!first || search->decides[term->rule])
			continue;
		if (!has_addresses(search->policy, term->rule)) {
			found += report_empty(search->policy, term->rule, diag);
			continue;
		}
		report(search, term, diag);
		found++;
	}
	return found;
}

static int search_rules(struct shadow_search *search)
{
	const uint32_t column_end = 2U << DIRECTION_SHIFT, source_end = 1U << DIRECTION_SHIFT;
	int r = build_terms(search->policy, &search->terms);

	if (!r)
		r = build_rows(search->policy, &search->terms, &search->rows);
	if (r)
		return r;
	search->families = find_families(&search->rows);
	search->columns = find_protocols(&search->terms.columns, column_end);
	search->sources = find_protocols(&search->terms.sources, source_end);
	search->decides = calloc(search->policy->rule_count + 1, sizeof(*search->decides));
	if (!search->families || !search->columns || !search->sources || !search->decides)
		return -ENOMEM;
	for (uint32_t row = 0; row < search->rows.verdicts.count; row++)
		mark_row(search, row);
	return 0;
}

int find_shadowed_rules(const struct effective_policy *policy, struct diag *diag)
{
	struct shadow_search search = {.policy = policy};
	int r = search_rules(&search);

	if (!r)
		r = report_all(&search, diag);
	free_terms(&search.terms);
	free_rows(&search.rows);
	free(search.families);
	free(search.columns);
	free(search.sources);
	free(search.decides);
	return r;
}
