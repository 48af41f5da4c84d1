/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of a method: their names and types, checked before the method is called.
 */
#ifndef VMSEG_CONTROL_METHOD_PARAMS_H
#define VMSEG_CONTROL_METHOD_PARAMS_H

#include <jansson.h>
#include <stdbool.h>

#include "hostd/base/diag.h"

enum param_type {
	PARAM_STRING,
	PARAM_NUMBER,
	PARAM_FLAG,
	PARAM_STRINGS,
	PARAM_OBJECT,
	PARAM_OTHERS, /* its entry stands for all parameters that the list does not name */
};

struct method_param {
	const char *name; /* NULL ends the list */
	enum param_type type;
	bool needed;
	const char *help;
};

/* "a string", "an array of strings". */
const char *param_type_name(enum param_type type);

/* Whether `params`, an object or NULL, has all that is needed, and nothing else unless the list has
 * an entry of PARAM_OTHERS. null is as good as
 * a parameter that is not there, and is removed. Returns 0 or -EINVAL with an error in diag. */
int check_params(const struct method_param *list, json_t *params, struct diag *diag);

#endif
