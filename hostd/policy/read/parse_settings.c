/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * <default>, <guards> and <limits>: the same in a policy, a domain and an interface.
 */
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"
#include "hostd/base/xml.h"
#include "hostd/policy/read/parse_parts.h"

static int parse_default(const struct reader *reader, const xmlNode *element,
			 struct defaults *defaults)
{
	static const char *const attributes[] = {"in", "out", NULL};
	static const struct element_form form = {.attributes = attributes};
	static const struct keyword actions[] = {{"allow", ACTION_ALLOW},
						 {"deny", ACTION_DENY},
						 {NULL, 0}};
	int r = check_form(reader, element, &form);

	if (!r)
		r = read_keyword(reader, element, "in", false, actions,
				 &defaults->action[DIRECTION_IN]);
	if (!r)
		r = read_keyword(reader, element, "out", false, actions,
				 &defaults->action[DIRECTION_OUT]);
	return r;
}

/* ---- guards --------------------------------------------------------------------------------- */

static int compare_vlans(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static int add_vlan(const struct reader *reader, const xmlNode *element, const char *id,
		    struct guards *guards)
{
	char quoted[QUOTE_BYTES];
	int64_t number;

	if (!parse_number(id, 1, VLAN_ID_MAX, &number))
		return reject(reader, element,
			      "vlan id \"%s\" is not known (expected none, any, or ids from 1 to "
			      "%d separated by commas)",
			      quote(id, quoted), VLAN_ID_MAX);
	for (size_t i = 0; i < guards->vlan_count; i++) {
		if (guards->vlans[i] == number)
			return reject(reader, element, "vlan id %s is listed twice", id);
	}
	if (guards->vlan_count == PORT_VLANS_MAX)
		return reject(reader, element, "vlan lists more than %d ids", PORT_VLANS_MAX);
	guards->vlans[guards->vlan_count++] = (uint16_t)number;
	return 0;
}

static int parse_vlans(const struct reader *reader, const xmlNode *element, struct guards *guards)
{
	const char *value = attribute_value(element, "vlan");
	_cleanup_free_ char *list = NULL;
	char *rest, *id;
	int r = 0;

	if (!value)
		return 0;
	guards->setting[GUARD_KIND_VLAN] = strcmp(value, "any") == 0 ? GUARD_OFF : GUARD_ON;
	if (strcmp(value, "any") == 0 || strcmp(value, "none") == 0)
		return 0;
	list = rest = strdup(value);
	if (!list)
		return out_of_memory(reader);
	while (!r && (id = strsep(&rest, ",")))
		r = add_vlan(reader, element, id, guards);
	if (!r)
		qsort(guards->vlans, guards->vlan_count, sizeof(guards->vlans[0]), compare_vlans);
	return r;
}

static int parse_guard(const struct reader *reader, const xmlNode *element, enum guard_kind kind,
		       struct guards *guards)
{
	const struct guard_row *row = &guard_rows[kind];
	const struct keyword words[] = {{row->acts, GUARD_ON}, {row->idle, GUARD_OFF}, {NULL, 0}};
	int setting = GUARD_UNSET;
	int r = read_keyword(reader, element, row->name, false, words, &setting);

	guards->setting[kind] = (int8_t)setting;
	return r;
}

static int parse_guards(const struct reader *reader, const xmlNode *element, struct guards *guards)
{
	static const char *const attributes[] = {
#define GUARD(identifier, attribute, acts, idle, built_in, help) attribute,
#include "bpf/guards.def"
#undef GUARD
		NULL};
	static const struct element_form form = {.attributes = attributes};
	int r = check_form(reader, element, &form);

	for (size_t i = 0; !r && i < GUARD_KIND_COUNT; i++) {
		if (i == GUARD_KIND_VLAN)
			r = parse_vlans(reader, element, guards);
		else
			r = parse_guard(reader, element, i, guards);
	}
	return r;
}

/* ---- limits --------------------------------------------------------------------------------- */

static int parse_limits(const struct reader *reader, const xmlNode *element, struct limits *limits)
{
	static const char *const attributes[] = {
#define LIMIT(identifier, attribute, built_in, least, most, reason) attribute,
#include "bpf/limits.def"
#undef LIMIT
		NULL};
	static const struct element_form form = {.attributes = attributes};
	int r = check_form(reader, element, &form);

	for (size_t i = 0; !r && i < LIMIT_COUNT; i++)
		r = read_number(reader, element, limit_rows[i].name, false, limit_rows[i].least,
				limit_rows[i].most, &limits->value[i]);
	return r;
}

int parse_setting(const struct reader *reader, const xmlNode *element, struct defaults *defaults,
		  struct guards *guards, struct limits *limits)
{
	int line = line_of(reader, element);

	if (has_name(element, "default")) {
		defaults->line = line;
		return parse_default(reader, element, defaults);
	}
	if (has_name(element, "guards")) {
		guards->line = line;
		return parse_guards(reader, element, guards);
	}
	if (has_name(element, "limits")) {
		limits->line = line;
		return parse_limits(reader, element, limits);
	}
	return 0;
}
