// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * empty_filter on|off DEVICE...: attaches a program that does nothing to both directions of the
 * devices by TCX, or takes it off: what any filter on a device costs at least.
 */
#include <err.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "hostd/datapath/tcx.h"
#include "tests/bench/walk.h"
#include "tests/bench/walker.skel.h"

#define PIN_BYTES 64

static unsigned int find_device(const char *name)
{
	unsigned int ifindex = if_nametoindex(name);

	if (!ifindex)
		err(1, "%s", name);
	return ifindex;
}

static const char *pin_of(unsigned int ifindex, int ingress, char pin[PIN_BYTES])
{
	snprintf(pin, PIN_BYTES, "/sys/fs/bpf/empty-%u-%d", ifindex, ingress);
	return pin;
}

static void attach(const struct walker *walker, unsigned int ifindex)
{
	char pin[PIN_BYTES];

	for (int ingress = 0; ingress <= 1; ingress++) {
		int r = attach_tcx(bpf_program__fd(walker->progs.empty), ifindex, ingress,
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

int main(int argc, char **argv)
{
	bool on = argc > 2 && strcmp(argv[1], "on") == 0;
	struct walker *walker = NULL;

	if (!on && (argc <= 2 || strcmp(argv[1], "off") != 0))
		errx(2, "usage: empty_filter on|off DEVICE...");
	if (on) {
		walker = walker__open_and_load();
		if (!walker)
			err(1, "the program does not load");
	}
	for (int i = 2; i < argc; i++) {
		if (on)
			attach(walker, find_device(argv[i]));
		else
			detach(find_device(argv[i]));
	}
	walker__destroy(walker);
	return 0;
}
