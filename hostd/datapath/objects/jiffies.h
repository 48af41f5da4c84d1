/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that the programs stamp sessions with: the low 32 bits of the kernel's jiffies.
 */
#ifndef VMSEG_DATAPATH_JIFFIES_H
#define VMSEG_DATAPATH_JIFFIES_H

#include <stdint.h>

struct objects;
struct vmseg;

/* Jiffies per second. */
uint32_t read_hz(void);

/* Asks the program read_clock. Returns 0 or -errno. */
int read_jiffies(const struct objects *objects, uint32_t *ret);

/* From `since` to `now`; 0 where another CPU's stamp is ahead, by STAMP_AHEAD_MAX at most. Stamps
 * are told apart for 2^32 jiffies less that, 49.7 days at 1,000 per second: also without a daemon
 * that sweeps. */
uint32_t jiffies_between(uint32_t since, uint32_t now);

#endif
