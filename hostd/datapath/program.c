/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs by id.
 */
#include "hostd/datapath/program.h"

#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"

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
