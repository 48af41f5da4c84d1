/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps that the daemon writes without system calls: mapped arrays.
 */
#ifndef VMSEG_DATAPATH_MEMORY_H
#define VMSEG_DATAPATH_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"

struct bpf_map;
struct vmseg;

struct mapped_array {
	void *base;
	size_t size; /* bytes */
};

struct memory {
	struct mapped_array index;    /* uint64_t[PORT_INDEX_ENTRIES] */
	struct mapped_array ports;    /* struct port[], by record number */
	struct mapped_array states;   /* struct port_state[], by slot */
	struct mapped_array nodes;    /* struct policy_node[] */
	struct mapped_array settings; /* struct settings[1] */
};

/* Maps the arrays of a loaded skeleton. */
int map_memory(const struct vmseg *skeleton, struct memory *ret, struct diag *diag);
void unmap_memory(struct memory *memory);

/* One array, by descriptor. The kernel lays values out at multiples of 8 bytes. */
int map_array(int fd, size_t entries, size_t value_size, struct mapped_array *ret);
void unmap_array(struct mapped_array *array);

static inline uint64_t *index_of_ports(const struct memory *memory)
{
	return memory->index.base;
}

static inline struct port *port_records(const struct memory *memory)
{
	return memory->ports.base;
}

static inline struct port_state *port_states(const struct memory *memory)
{
	return memory->states.base;
}

static inline struct settings *settings_of(const struct memory *memory)
{
	return memory->settings.base;
}

#endif
