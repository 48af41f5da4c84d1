/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time since something.
 */
#include "hostd/base/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

uint64_t monotonic_usec(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t boottime_usec(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t thread_cpu_usec(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
