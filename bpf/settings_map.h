/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * settings_map.h - what the daemon may change at any time, and the clock that it is measured by.
 */
#ifndef VMSEG_BPF_SETTINGS_MAP_H
#define VMSEG_BPF_SETTINGS_MAP_H

#include "bpf/parsed_packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings_map SEC(".maps");

static __always_inline const struct settings *find_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings_map, &zero);
}

#endif
