/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the ways to attach.
 */
#include "hostd/datapath/attachment/attach_method.h"

#include <stddef.h>

const char *const attach_names[] = {
	[ATTACH_AUTO] = "auto",
#define ATTACH_KIND(identifier, name) [ATTACH_##identifier] = #name,
#include "hostd/datapath/attachment/attach_kinds.def"
#undef ATTACH_KIND
	[ATTACH_COUNT] = NULL,
};
