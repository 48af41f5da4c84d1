/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU values.
 */
#ifndef VMSEG_DATAPATH_STATS_H
#define VMSEG_DATAPATH_STATS_H

#include <stddef.h>

/* Bytes that the kernel reads or writes for one per-CPU value of port_stats. */
size_t per_cpu_bytes(void);

#endif
