/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request table, made from methods.def.
 */
#include "hostd/control/methods.h"

#include <errno.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"

/* ---- the list ------------------------------------------------------------------------------- */

#define NEEDED(name, type, help) {name, PARAM_##type, true, help},
#define MAY(name, type, help)    {name, PARAM_##type, false, help},
#define OTHERS(help)             {"*", PARAM_OTHERS, false, help},
#define PARAMS(...)                                                                                \
	(const struct method_param[])                                                              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define JSON(...) #__VA_ARGS__
#define ROOT      false
#define READERS   true

const struct method control_methods[] = {
#define AT_ONCE(function)   .answer = (function)
#define STREAM(function)    .answer = (function), .streams = true
#define IN_PIECES(function) .begin = (function)
#define METHOD(method, who, how, help, parameters, request, reply)                                 \
	{.name = (method), .read_only = (who), .params = (parameters), how},
#include "hostd/control/methods.def"
#undef METHOD
#undef IN_PIECES
#undef STREAM
#undef AT_ONCE
};

const size_t control_method_count = ARRAY_SIZE(control_methods);

const struct method_description method_descriptions[] = {
#define AT_ONCE(function)   false
#define STREAM(function)    true
#define IN_PIECES(function) false
#define METHOD(method, who, how, text, parameters, example, answer)                                \
	{.name = (method),                                                                         \
	 .read_only = (who),                                                                       \
	 .streams = (how),                                                                         \
	 .help = (text),                                                                           \
	 .params = (parameters),                                                                   \
	 .request = (example),                                                                     \
	 .reply = (answer)},
#include "hostd/control/methods.def"
#undef METHOD
};

/* ---- parameters ----------------------------------------------------------------------------- */

const char *need_string(const json_t *params, const char *name, struct diag *diag)
{
	const char *value = json_string_value(json_object_get(params, name));

	if (!value)
		fail(diag, EINVAL, NULL, 0, "params.%s: expected a string", name);
	return value;
}

int read_vlans(const json_t *params, uint32_t *ret, struct diag *diag)
{
	const json_t *value = json_object_get(params, "vlan");
	const char *text = json_string_value(value);
	uint32_t vlans = 0;

	if (value && !(text && parse_vlan(text, &vlans)))
		return fail(
			diag, EINVAL, NULL, 0,
			"vlan: expected an id from 1 to %d, two such ids with a dot between for "
			"a VLAN inside a VLAN, or 0 for none, not \"%s\"",
			VLAN_ID_MAX, text ? text : "");
	*ret = vlans;
	return 0;
}
