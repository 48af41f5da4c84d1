/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that the programs stamp sessions with: the low 32 bits of the kernel's jiffies.
 */
#ifndef VMSEG_DATAPATH_JIFFIES_H
#define VMSEG_DATAPATH_JIFFIES_H

#include <stdint.h>

struct datapath;
struct vmseg;

/* Jiffies per second. */
uint32_t read_hz(void);

/* Asks the program read_clock. Returns 0 or -errno. */
int read_jiffies(const struct datapath *datapath, uint32_t *ret);

/* From `since` to `now`; 0 where another CPU's stamp is a tick ahead. They may be 2^31 jiffies
 * apart, 24 days at 1000 per second: the sweep sees to it that no stamp grows older. */
uint32_t jiffies_between(uint32_t since, uint32_t now);

#endif
