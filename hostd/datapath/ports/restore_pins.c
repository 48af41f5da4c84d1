/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pins that somebody removes while the process runs: a cleaner, `umount`, another administrator.
 */
#include "hostd/datapath/ports/restore_pins.h"

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/load.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/former.h"

/* Pins a link of the old directory at the same name in the new one. */
static void move_link(const char *path, unsigned int ifindex, enum direction direction,
		      void *context)
{
	const struct pins *target = context;
	_cleanup_close_ int link = bpf_obj_get(path);
	char pin[PIN_PATH_BYTES];

	if (link >= 0)
		bpf_obj_pin(link, link_pin(target, ifindex, direction, pin));
}

/* The root's name does not lead to the directory that is locked. */
static int move_pins(struct datapath *datapath, struct diag *diag)
{
	_cleanup_(close_pins) struct pins fresh = {.lock = -1};
	struct pins former;
	int r;

	datapath->objects.pins.displaced = true;
	r = open_pins(datapath->objects.pins.root, &fresh, diag);
	if (r < 0)
		return r;
	for_each_link_pin(&datapath->objects.pins, move_link, &fresh);
	former = datapath->objects.pins;
	datapath->objects.pins = fresh;
	fresh = former;
	return 0;
}

int restore_pins(struct datapath *datapath, bool *ret, struct diag *diag)
{
	bool moved = !are_pins_in_place(&datapath->objects.pins);
	unsigned int pinned = 0;
	int r;

	if (moved) {
		r = move_pins(datapath, diag);
	} else {
		datapath->objects.pins.displaced = false;
		r = make_pin_directories(&datapath->objects.pins, diag);
	}
	remove_dead_links(datapath);
	if (r == 0)
		r = pin_missing_maps(datapath->objects.skeleton, &datapath->objects.pins, &pinned,
				     diag);
	if (r == 0)
		*ret = moved || pinned;
	return r;
}
