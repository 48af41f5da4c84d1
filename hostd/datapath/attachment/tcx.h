/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCX: TC programs on a device by BPF link (Linux 6.6). A pinned link outlives this process; it
 * outlives its device too, and is then defunct. libbpf before 1.3 and the headers of older kernels
 * do not know TCX; its numbers and structs are here.
 */
#ifndef VMSEG_DATAPATH_TCX_H
#define VMSEG_DATAPATH_TCX_H

#include <stdbool.h>
#include <stdint.h>

struct tcx_status {
	uint32_t link_id;
	uint32_t program_id;
	bool attached; /* the link is alive, and the device has the program */
};

bool tcx_is_supported(void);

/* Attaches the program before all others of the device, and pins the link at `pin`. */
int attach_tcx(int program, unsigned int ifindex, bool ingress, const char *pin);

/* Detaches and unpins. Also where the device is gone, or the pin. -errno: the pin stays. */
int detach_tcx(const char *pin);

/* Exchanges the program atomically. -ENOLINK: the device is gone; -ENOENT: no such pin. */
int replace_tcx(const char *pin, int program);

/* -ENOENT: no such pin. */
int query_tcx(const char *pin, unsigned int ifindex, bool ingress, struct tcx_status *ret);

/* How many programs run before this one. -ENOENT: it is not there; -ENODEV: the device is gone. */
int find_tcx_place(unsigned int ifindex, bool ingress, uint32_t program_id, uint32_t *ret);

/* Does the device have any program by TCX? They run before all of clsact's. */
bool has_tcx_programs(unsigned int ifindex, bool ingress);

/* Is the pin a TCX link with one of vmseg's programs? */
bool is_own_tcx_link(const char *pin);

#endif
