/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/control/method_params.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"

const char *param_type_name(enum param_type type)
{
	static const char *const names[] = {
		[PARAM_STRING] = "a string",    [PARAM_NUMBER] = "a number",
		[PARAM_FLAG] = "true or false", [PARAM_STRINGS] = "an array of strings",
		[PARAM_OBJECT] = "an object",   [PARAM_OTHERS] = "anything",
	};

	return names[type];
}

static bool is_strings(const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach(value, i, item)
	{
		if (!json_is_string(item))
			return false;
	}
	return json_is_array(value);
}

static bool has_type(const json_t *value, enum param_type type)
{
	switch (type) {
	case PARAM_STRING:
		return json_is_string(value);
	case PARAM_NUMBER:
		return json_is_integer(value);
	case PARAM_FLAG:
		return json_is_boolean(value);
	case PARAM_STRINGS:
		return is_strings(value);
	case PARAM_OBJECT:
		return json_is_object(value);
	case PARAM_OTHERS:
		return true;
	}
	return false;
}

static int check_param(const struct method_param *param, const json_t *value, struct diag *diag)
{
	bool given = value && !json_is_null(value);

	if (given ? has_type(value, param->type) : !param->needed)
		return 0;
	return fail(diag, EINVAL, NULL, 0, "params.%s: expected %s", param->name,
		    param_type_name(param->type));
}

static bool is_param(const struct method_param *list, const char *name)
{
	for (; list && list->name; list++) {
		if (list->type == PARAM_OTHERS || strcmp(list->name, name) == 0)
			return true;
	}
	return false;
}

int check_params(const struct method_param *list, json_t *params, struct diag *diag)
{
	const char *name;
	json_t *value;
	void *next;
	int r = 0;

	for (const struct method_param *param = list; r == 0 && param && param->name; param++)
		r = check_param(param, json_object_get(params, param->name), diag);
	json_object_foreach_safe(params, next, name, value)
	{
		if (r == 0 && !is_param(list, name))
			r = fail(diag, EINVAL, NULL, 0,
				 "params.%s: the method has no such parameter", name);
		if (json_is_null(value))
			json_object_del(params, name);
	}
	return r;
}
