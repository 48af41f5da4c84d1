/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one clock of the daemon's own deadlines: it never jumps.
 */
#ifndef VMSEG_CLOCK_H
#define VMSEG_CLOCK_H

#include <stdint.h>

#define USEC_PER_SEC 1000000ULL

/* CLOCK_MONOTONIC in microseconds. */
uint64_t monotonic_usec(void);

#endif
