/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of ports and of rules.
 */
#ifndef VMSEG_DATAPATH_PORT_STATS_H
#define VMSEG_DATAPATH_PORT_STATS_H

#include <stdint.h>

#include "bpf/abi.h"

struct datapath;

/* Sums over CPUs. */
int read_port_stats(struct datapath *datapath, unsigned int ifindex, struct port_stats *ret);

/* Packets and bytes of rule n (0: default) of the port's image. */
int read_rule_counter(struct datapath *datapath, unsigned int ifindex, uint32_t rule,
		      struct counter *ret);

#endif
