/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tick.
 */
#include "hostd/datapath/objects/jiffies.h"

#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/datapath/objects/objects.h"
#include "vmseg.skel.h"

#define NSEC_PER_SEC 1000000000L

/* The coarse clock advances once a tick, and its resolution is the tick's length. */
uint32_t read_hz(void)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (uint32_t)((NSEC_PER_SEC + tick.tv_nsec / 2) / tick.tv_nsec);
}

int read_jiffies(const struct objects *objects, uint32_t *ret)
{
	char frame[64] = {0}; /* what a test run of a TC program asks for */
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));
	int r = bpf_prog_test_run_opts(bpf_program__fd(objects->skeleton->progs.read_clock),
				       &options);

	if (r < 0)
		return r;
	*ret = options.retval;
	return 0;
}

uint32_t jiffies_between(uint32_t since, uint32_t now)
{
	return since - now <= STAMP_AHEAD_MAX ? 0 : now - since;
}
