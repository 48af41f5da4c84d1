/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monotonic time.
 */
#include "hostd/base/clock.h"

#include <time.h>

uint64_t monotonic_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}
