/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of attachment by method.
 */
#include "hostd/datapath/attachment/attach_ops.h"

const struct attach_ops *attach_ops_of(enum attach_method method)
{
	static const struct attach_ops *const kinds[] = {
#define ATTACH_KIND(identifier, name) [ATTACH_##identifier] = &name##_ops,
#include "hostd/datapath/attachment/attach_kinds.def"
#undef ATTACH_KIND
	};

	return kinds[method];
}
