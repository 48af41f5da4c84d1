/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapping BPF_F_MMAPABLE arrays.
 */
#include "hostd/datapath/objects/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "vmseg.skel.h"

static size_t round_up(size_t n, size_t multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

int map_array(int fd, size_t entries, size_t value_size, struct mapped_array *ret)
{
	size_t size = round_up(entries * round_up(value_size, 8), (size_t)sysconf(_SC_PAGESIZE));
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	*ret = (struct mapped_array){.base = base, .size = size};
	return 0;
}

void unmap_array(struct mapped_array *array)
{
	if (array->base)
		munmap(array->base, array->size);
	*array = (struct mapped_array){0};
}

static int map_one(const struct bpf_map *map, struct mapped_array *ret, struct diag *diag)
{
	int r = map_array(bpf_map__fd(map), bpf_map__max_entries(map), bpf_map__value_size(map),
			  ret);

	return r < 0 ? fail(diag, -r, bpf_map__name(map), 0, "cannot map the array: %s",
			    strerror(-r))
		     : 0;
}

int map_memory(const struct vmseg *skeleton, struct memory *ret, struct diag *diag)
{
	struct memory memory = {0};
	int r;

	r = map_one(skeleton->maps.port_index, &memory.index, diag);
	if (r == 0)
		r = map_one(skeleton->maps.port_map, &memory.ports, diag);
	if (r == 0)
		r = map_one(skeleton->maps.port_state_map, &memory.states, diag);
	if (r == 0)
		r = map_one(skeleton->maps.policy_map, &memory.nodes, diag);
	if (r == 0)
		r = map_one(skeleton->maps.settings_map, &memory.settings, diag);
	if (r < 0) {
		unmap_memory(&memory);
		return r;
	}
	*ret = memory;
	return 0;
}

void unmap_memory(struct memory *memory)
{
	unmap_array(&memory->index);
	unmap_array(&memory->ports);
	unmap_array(&memory->states);
	unmap_array(&memory->nodes);
	unmap_array(&memory->settings);
}
