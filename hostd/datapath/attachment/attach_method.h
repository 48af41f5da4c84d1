/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways to attach a program to a device.
 */
#ifndef VMSEG_DATAPATH_ATTACH_METHOD_H
#define VMSEG_DATAPATH_ATTACH_METHOD_H

enum attach_method {
	ATTACH_AUTO, /* the first one that the kernel has */
#define ATTACH_KIND(identifier, name) ATTACH_##identifier,
#include "hostd/datapath/attachment/attach_kinds.def"
#undef ATTACH_KIND
	ATTACH_COUNT
};

/* How a port's two programs are on the device; of both directions the worse. */
enum hook_state {
	HOOKS_FIRST,   /* before those of others */
	HOOKS_BEHIND,  /* somebody's program runs before, and may end the run */
	HOOKS_MISSING, /* one is not there */
};

/* The words of hostd.conf by enum attach_method; NULL at the end. */
extern const char *const attach_names[];

#endif
