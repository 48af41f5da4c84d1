/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCX: TC programs on a device by BPF link (Linux 6.6). A pinned link outlives this process; it
 * outlives its device too, and is then defunct. libbpf before 1.3 and the headers of older kernels
 * do not know TCX; its numbers and structs are in tcx.c.
 */
#ifndef VMSEG_DATAPATH_TCX_H
#define VMSEG_DATAPATH_TCX_H

#include <stdbool.h>

/* Attaches the program before all others of the device, and pins the link at `pin`. */
int attach_tcx(int program, unsigned int ifindex, bool ingress, const char *pin);

/* Detaches and unpins. Also where the device is gone, or the pin. -errno: the pin stays. */
int detach_tcx(const char *pin);

#endif
