/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kind of attachment can do: see attach_kinds.def.
 */
#ifndef VMSEG_DATAPATH_ATTACH_OPS_H
#define VMSEG_DATAPATH_ATTACH_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/objects/pins.h"

/* Where one program of a port is attached. */
struct attach_place {
	const struct pins *pins;
	unsigned int ifindex;
	bool reversed; /* macvtap: the device's directions are the other way round */
	enum direction direction;
};

/* The VM's output is its tap's input, but a macvtap's output. */
static inline bool is_ingress(const struct attach_place *place)
{
	return (place->direction == DIRECTION_OUT) != place->reversed;
}

/* What is attached in one direction. */
struct hook_status {
	uint32_t link_id;    /* 0: attached without a link */
	uint32_t program_id; /* 0: none */
	bool hooked;         /* the kernel has the program on the device */
};

/* Sees one program of vmseg's; id 0: of an attachment that is not on its device any more. */
typedef void (*program_visitor)(const struct attach_place *place, uint32_t program_id,
				void *context);

struct attach_ops {
	const char *title;          /* in messages */
	const char *unsupported;    /* why a kernel does not have it; NULL: every kernel has it */
	bool (*is_supported)(void); /* NULL: always */

	bool needs_ingress_qdisc; /* it takes the place of an ingress qdisc */
	bool removal_is_reported; /* by the kernel, as a change of filters (RTNLGRP_TC) */

	/* Makes what the device needs before either program is attached; place->direction is not
	 * used. *ret_made: a qdisc was made, which clean_up() removes when it is not used any more.
	 */
	int (*prepare)(const struct attach_place *place, bool *ret_made, struct diag *diag);
	void (*clean_up)(unsigned int ifindex); /* NULL: there is nothing to clean up */

	/* Called only when no program of vmseg's is attached there. */
	int (*attach)(const struct attach_place *place, int program);
	/* Exchanges the program atomically. -ENOENT: there is none of vmseg's; -ENOLINK or -ENODEV:
	 * the device is gone. */
	int (*replace)(const struct attach_place *place, int program);
	/* Removes vmseg's program, if there is one. -errno: its pin could not be removed; the
	 * program is off the device. */
	int (*detach)(const struct attach_place *place);

	/* Does not change *ret if nothing is attached. */
	void (*query)(const struct attach_place *place, struct hook_status *ret);
	/* Does the program run before others of its kind? -ENODEV: the device is gone. */
	int (*look)(const struct attach_place *place, uint32_t program_id, enum hook_state *ret);
	/* Are there programs of any owner? NULL for the last kind, which is not asked. */
	bool (*has_programs)(unsigned int ifindex, bool ingress);

	/* Is the device attached in this way, in whichever direction? */
	bool (*is_used)(const struct pins *pins, unsigned int ifindex);
	/* Visits all programs of vmseg's on the host, of any version; -errno if they cannot be
	 * listed. visit may detach the place. */
	int (*for_each_program)(const struct pins *pins, program_visitor visit, void *context);
};

#define ATTACH_KIND(identifier, name) extern const struct attach_ops name##_ops;
#include "hostd/datapath/attachment/attach_kinds.def"
#undef ATTACH_KIND

/* Of any method but ATTACH_AUTO. */
const struct attach_ops *attach_ops_of(enum attach_method method);

#endif
