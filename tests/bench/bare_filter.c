// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bare_filter empty|look-up|off DEVICE...: attaches a program to both directions of the devices by
 * TCX, or takes it off. "empty" does nothing: what any filter on a device costs at least. "look-up"
 * finds the packet's flow in a hash of sessions and does no more: what one costs that keeps state.
 */
#include <err.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "hostd/datapath/attachment/tcx.h"
#include "tests/bench/walk.h"
#include "tests/bench/walker.skel.h"

#define PIN_BYTES      64
#define TABLE_SESSIONS 65536 /* as the ports have that are compared with it */

static unsigned int find_device(const char *name)
{
	unsigned int ifindex = if_nametoindex(name);

	if (!ifindex)
		err(1, "%s", name);
	return ifindex;
}

static const char *pin_of(unsigned int ifindex, int ingress, char pin[PIN_BYTES])
{
	snprintf(pin, PIN_BYTES, "/sys/fs/bpf/bare-%u-%d", ifindex, ingress);
	return pin;
}

static void attach(const struct bpf_program *program, unsigned int ifindex)
{
	char pin[PIN_BYTES];

	for (int ingress = 0; ingress <= 1; ingress++) {
		int r = attach_tcx(bpf_program__fd(program), ifindex, ingress,
				   pin_of(ifindex, ingress, pin));

		if (r < 0)
			errx(1, "%s: %s", pin, strerror(-r));
	}
}

static void detach(unsigned int ifindex)
{
	char pin[PIN_BYTES];

	for (int ingress = 0; ingress <= 1; ingress++)
		detach_tcx(pin_of(ifindex, ingress, pin));
}

/* Each device gets programs with a table of its own. */
static void attach_all(char **devices, bool look_up)
{
	for (; *devices; devices++) {
		struct walker *walker = walker__open();

		if (!walker ||
		    bpf_map__set_max_entries(walker->maps.bare_table, TABLE_SESSIONS) < 0 ||
		    walker__load(walker) < 0)
			err(1, "the program does not load");
		attach(look_up ? walker->progs.follow_bare : walker->progs.empty,
		       find_device(*devices));
		walker__destroy(walker);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "empty") == 0 || strcmp(what, "look-up") == 0) {
		attach_all(argv + 2, strcmp(what, "look-up") == 0);
	} else if (strcmp(what, "off") == 0) {
		for (int i = 2; i < argc; i++)
			detach(find_device(argv[i]));
	} else {
		errx(2, "usage: bare_filter empty|look-up|off DEVICE...");
	}
	return 0;
}
