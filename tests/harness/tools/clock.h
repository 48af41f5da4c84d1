/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that the tools measure time-outs with.
 */
#ifndef VMSEG_CLOCK_H
#define VMSEG_CLOCK_H

#include <time.h>

static inline long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
