/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rig.c and rig_run.c share. */
#ifndef VMSEG_TEST_RIG_INTERNAL_H
#define VMSEG_TEST_RIG_INTERNAL_H

#include "tests/harness/rig.h"

struct bpf_map;

/* Also the key in push_tag's array of programs. */
enum rig_program {
	RIG_TO_VM = DIRECTION_IN,
	RIG_FROM_VM = DIRECTION_OUT,
	RIG_DRY_TO_VM,
	RIG_DRY_FROM_VM,
	RIG_PROGRAM_COUNT
};

#define LOOPBACK_IFINDEX 1

int rig_program(struct rig *rig, enum rig_program program);
void rig_write(struct bpf_map *map, uint32_t key, const void *value);

#endif
