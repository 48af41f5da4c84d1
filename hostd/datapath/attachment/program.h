/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs as the kernel sees them, by id.
 */
#ifndef VMSEG_DATAPATH_PROGRAM_H
#define VMSEG_DATAPATH_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* The id of an open program; 0 when it cannot be read. */
uint32_t program_id(int program);

/* Is it from_vm or to_vm, of whatever version? */
bool is_own_program(uint32_t id);

/* Does the program use the map with this id? */
bool uses_map(uint32_t program_id, uint32_t map_id);

#endif
