/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request table. What is not marked read-only is refused on the read socket.
 */
#include "hostd/control/methods.h"

#include <errno.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"

const struct method control_methods[] = {
	{"hook", .answer = answer_hook},
	{"status", .read_only = true, .answer = answer_status},
	{"list", .read_only = true, .answer = answer_list},
	{"show", .read_only = true, .answer = answer_show},
	{"sessions", .read_only = true, .answer = answer_sessions},
	{"explain", .read_only = true, .answer = answer_explain},
	{"policy-list", .read_only = true, .answer = answer_policy_list},
	{"policy-show", .read_only = true, .answer = answer_policy_show},
	{"policy-diff", .read_only = true, .begin = begin_policy_diff},
	{"policy-apply", .answer = answer_policy_apply},
	{"policy-delete", .answer = answer_policy_delete},
	{"policy-confirm", .answer = answer_policy_confirm},
	{"policy-rollback", .answer = answer_policy_rollback},
	{"group-list", .read_only = true, .answer = answer_group_list},
	{"group-show", .read_only = true, .answer = answer_group_show},
	{"monitor", .read_only = true, .streams = true, .answer = answer_monitor},
	{"reload", .answer = answer_reload},
	{"detach", .answer = answer_detach},
	{"detach-all", .answer = answer_detach_all},
	{"attach", .answer = answer_attach},
	{"port-attach", .answer = answer_port_attach},
	{"port-detach", .answer = answer_port_detach},
	{"port-release", .answer = answer_port_release},
};

const size_t control_method_count = ARRAY_SIZE(control_methods);

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
