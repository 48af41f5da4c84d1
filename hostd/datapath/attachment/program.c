/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs by id.
 */
#include "hostd/datapath/attachment/program.h"

#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"

#define MAPS_MAX 64 /* MAX_USED_MAPS, include/linux/bpf_verifier.h */

static int read_program(int program, struct bpf_prog_info *ret)
{
	uint32_t size = sizeof(*ret);

	*ret = (struct bpf_prog_info){0};
	return bpf_obj_get_info_by_fd(program, ret, &size);
}

uint32_t program_id(int program)
{
	struct bpf_prog_info info;

	return read_program(program, &info) < 0 ? 0 : info.id;
}

bool is_own_program(uint32_t id)
{
	_cleanup_close_ int program = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info;

	if (program < 0 || read_program(program, &info) < 0)
		return false;
	return info.type == BPF_PROG_TYPE_SCHED_CLS &&
	       (!strcmp(info.name, "from_vm") || !strcmp(info.name, "to_vm"));
}

bool uses_map(uint32_t id, uint32_t map_id)
{
	_cleanup_close_ int program = bpf_prog_get_fd_by_id(id);
	uint32_t maps[MAPS_MAX], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)maps};

	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) < 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		if (maps[i] == map_id)
			return true;
	return false;
}
