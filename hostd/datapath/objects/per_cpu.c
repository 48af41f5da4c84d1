/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Per-CPU values.
 */
#include "hostd/datapath/objects/per_cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bpf/abi.h"

_Static_assert(sizeof(struct counter) <= sizeof(struct port_stats),
	       "port_stats is the largest per-CPU value");

int open_per_cpu(struct per_cpu *ret, struct diag *diag)
{
	struct per_cpu per_cpu;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1)
		return fail(diag, cpus < 0 ? -cpus : ENODATA, NULL, 0,
			    "cannot read the number of possible CPUs "
			    "(/sys/devices/system/cpu/possible): %s",
			    strerror(cpus < 0 ? -cpus : ENODATA));
	per_cpu.cpus = (size_t)cpus;
	per_cpu.size = per_cpu.cpus * sizeof(struct port_stats);
	per_cpu.values = malloc(per_cpu.size);
	if (!per_cpu.values)
		return fail_memory(diag, NULL);
	*ret = per_cpu;
	return 0;
}

void close_per_cpu(struct per_cpu *per_cpu)
{
	free(per_cpu->values);
	*per_cpu = (struct per_cpu){0};
}

const void *zero_per_cpu(const struct per_cpu *per_cpu)
{
	memset(per_cpu->values, 0, per_cpu->size);
	return per_cpu->values;
}

void sum_per_cpu(const struct per_cpu *per_cpu, size_t words, uint64_t *ret)
{
	const uint64_t *values = per_cpu->values;

	memset(ret, 0, words * sizeof(*ret));
	for (size_t cpu = 0; cpu < per_cpu->cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			ret[i] += values[cpu * words + i];
}
