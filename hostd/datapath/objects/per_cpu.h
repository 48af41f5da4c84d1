/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room for one value of a per-CPU map: the kernel reads or writes the value of every possible CPU,
 * one after the other, whatever room there is (bpf_percpu_array_copy() in kernel/bpf/arraymap.c).
 * The number of CPUs is found out here, once.
 */
#ifndef VMSEG_DATAPATH_PER_CPU_H
#define VMSEG_DATAPATH_PER_CPU_H

#include <stddef.h>
#include <stdint.h>

#include "hostd/base/diag.h"

struct per_cpu {
	size_t cpus;  /* possible ones */
	void *values; /* for the largest per-CPU value, struct port_stats */
	size_t size;  /* bytes of all values */
};

/* Returns 0, or -errno with an error in diag when the number of CPUs cannot be found out. */
int open_per_cpu(struct per_cpu *ret, struct diag *diag);
void close_per_cpu(struct per_cpu *per_cpu);

/* The room, all of it zero. */
const void *zero_per_cpu(const struct per_cpu *per_cpu);

/* Adds up `words` 64-bit words of each CPU's value. */
void sum_per_cpu(const struct per_cpu *per_cpu, size_t words, uint64_t *ret);

#endif
