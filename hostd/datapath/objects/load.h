/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the built-in object to loaded programs, on new maps or on pinned ones.
 */
#ifndef VMSEG_DATAPATH_LOAD_H
#define VMSEG_DATAPATH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/diag.h"
#include "hostd/datapath/objects/pins.h"

struct vmseg;

/* Slots beside max-ports, for ports that are closed: see check_room(). */
#define CLOSED_PORTS_MORE 64U

struct map_sizes {
	uint32_t max_ports;     /* that may have sessions; closed ports do not count */
	uint32_t policy_nodes;  /* of policy_map, 64 bytes each */
	uint32_t rule_counters; /* of rule_stats_map */
	uint32_t ring_bytes;    /* event ring: power of two, multiple of the page size */
};

/* Is there a complete set of pinned maps? */
bool are_maps_pinned(const struct pins *pins);

/* -EPROTO, with an error that names both numbers, when the pinned maps are of another VMSEG_ABI. */
int check_pinned_abi(const struct pins *pins, struct diag *diag);

/* Loads the programs: on the pinned maps when `adopt`, else on new ones of the configured sizes.
 * Nothing is pinned or attached. */
int load_skeleton(const struct map_sizes *wanted, const struct pins *pins, bool adopt,
		  struct vmseg **ret, struct diag *diag);
void unload_skeleton(struct vmseg **skeleton);

/* The max-ports that the loaded maps were made for. */
uint32_t find_max_ports(const struct vmseg *skeleton);

/* Pins the maps that outlive the process. On failure none is pinned. */
int pin_maps(const struct vmseg *skeleton, const struct pins *pins, struct diag *diag);

/* Pins those whose pin is missing; *ret is how many. Returns 0 or -errno with an error in diag. */
int pin_missing_maps(const struct vmseg *skeleton, const struct pins *pins, unsigned int *ret,
		     struct diag *diag);

#endif
