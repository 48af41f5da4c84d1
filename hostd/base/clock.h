/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clocks of the daemon's own deadlines and pauses: they never jump.
 */
#ifndef VMSEG_CLOCK_H
#define VMSEG_CLOCK_H

#include <stdint.h>

#define USEC_PER_SEC 1000000ULL

/* CLOCK_MONOTONIC in microseconds. */
uint64_t monotonic_usec(void);

/* CLOCK_BOOTTIME in microseconds: goes on while the host sleeps, and means the same to every daemon
 * until the next boot. */
uint64_t boottime_usec(void);

/* The CPU time that the calling thread has used, in microseconds. */
uint64_t thread_cpu_usec(void);

#endif
