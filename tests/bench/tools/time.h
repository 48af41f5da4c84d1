/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that the benchmarks' tools measure with.
 */
#ifndef VMSEG_BENCH_TIME_H
#define VMSEG_BENCH_TIME_H

#include <time.h>

static inline double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Of this process: what the kernel does with a packet within the system call counts too. */
static inline double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
