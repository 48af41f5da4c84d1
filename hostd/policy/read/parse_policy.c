/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the content of <policy>: description, settings, rules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/hash.h"
#include "hostd/base/xml.h"
#include "hostd/policy/read/parse_parts.h"

/* A rule id that was seen, to find the second use of one. */
struct seen_id {
	const struct rule *rule;
	UT_hash_handle hh;
};

static int check_rule_ids(const struct reader *reader, const struct policy *policy)
{
	_cleanup_free_ struct seen_id *seen = calloc(policy->rule_count + 1, sizeof(*seen));
	struct seen_id *by_id = NULL, *earlier;
	int r = 0;

	if (!seen)
		return out_of_memory(reader);
	for (size_t i = 0; !r && i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		unsigned int size;

		if (!rule->id)
			continue;
		size = (unsigned int)strlen(rule->id);
		HASH_FIND(hh, by_id, rule->id, size, earlier);
		if (earlier) {
			r = fail(reader->diag, EINVAL, reader->source, rule->place.line,
				 "<rule>: id=\"%s\" is already used by the rule on line %d",
				 rule->id, earlier->rule->place.line);
			continue;
		}
		seen[i].rule = rule;
		HASH_ADD_KEYPTR(hh, by_id, rule->id, size, &seen[i]);
		if (!was_added(&seen[i].hh))
			r = out_of_memory(reader);
	}
	HASH_CLEAR(hh, by_id);
	return r;
}

static int parse_description(const struct reader *reader, const xmlNode *element, char **ret)
{
	static const struct element_form form = {.text = true};
	int r = check_form(reader, element, &form);

	return r ? r : read_text(reader, element, ret);
}

static int add_rule(const struct reader *reader, const xmlNode *element, struct policy *policy)
{
	struct rule *rules = grow_array(policy->rules, policy->rule_count, sizeof(*rules));

	if (!rules)
		return out_of_memory(reader);
	policy->rules = rules;
	return parse_rule(reader, element, &rules[policy->rule_count++]);
}

static int parse_policy_child(const struct reader *reader, const xmlNode *element,
			      struct policy *policy)
{
	if (has_name(element, "description"))
		return parse_description(reader, element, &policy->description);
	if (has_name(element, "rule"))
		return add_rule(reader, element, policy);
	return parse_setting(reader, element, &policy->defaults, &policy->guards, &policy->limits);
}

int parse_policy_content(const struct reader *reader, const xmlNode *element, struct policy *policy)
{
	int r = set_place(reader, element, &policy->place);

	for (const xmlNode *child = first_element(element); !r && child;
	     child = next_element(child))
		r = parse_policy_child(reader, child, policy);
	return r ? r : check_rule_ids(reader, policy);
}
