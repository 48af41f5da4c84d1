/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/control/method_access.h"

#include <string.h>

#include "hostd/base/cleanup.h"

#define ROOT    false
#define READERS true

static const struct {
	const char *name;
	bool for_readers;
} methods[] = {
#define METHOD(method, who, how, help, params, request, reply) {(method), (who)},
#include "hostd/control/methods.def"
#undef METHOD
};

bool is_for_readers(const char *method)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i].name, method) == 0)
			return methods[i].for_readers;
	}
	return false;
}
