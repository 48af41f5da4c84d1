/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bpffs directory: what is pinned where, and who may use it.
 *
 *   <root>/maps/<map>          one for each persistent map, settings_map last
 *   <root>/links/<ifindex>-in  the TCX links of a port (none with clsact, where the device itself
 *   <root>/links/<ifindex>-out holds the program)
 *
 * One process at a time has it open: a lock on the directory says so, and ends with the process.
 * Others may remove the directories or unmount the file system under the process: see
 * restore_pins().
 */
#ifndef VMSEG_DATAPATH_PINS_H
#define VMSEG_DATAPATH_PINS_H

#include <stdbool.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"

#define PIN_PATH_BYTES 512

struct pins {
	char *root;
	int lock;       /* descriptor of the root directory */
	bool displaced; /* the root's name does not lead there any more: pins are found by `lock` */
};

/* Makes the directories where they are missing and takes the lock. -EBUSY: somebody else has it;
 * -ENOTSUP: not in a BPF file system. */
int open_pins(const char *root, struct pins *ret, struct diag *diag);

/* Makes the directories below the root where they are missing. Returns 0 or -errno with an error.
 */
int make_pin_directories(const struct pins *pins, struct diag *diag);

/* Is the directory that is locked still the one that has the root's name? */
bool are_pins_in_place(const struct pins *pins);

/* Takes the lock of a directory that must be there already: -ENOENT. */
int lock_pins(const char *root, struct pins *ret, struct diag *diag);

void close_pins(struct pins *pins);

/* Both write to `path` and return it. */
const char *map_pin(const struct pins *pins, const char *map, char path[static PIN_PATH_BYTES]);
const char *link_pin(const struct pins *pins, unsigned int ifindex, enum direction direction,
		     char path[static PIN_PATH_BYTES]);

/* Calls visit for each link pin; foreign names are passed over. */
void for_each_link_pin(const struct pins *pins,
		       void (*visit)(const char *path, unsigned int ifindex,
				     enum direction direction, void *context),
		       void *context);

/* Unlinks every map pin: the maps live on while a program or descriptor holds them. */
void remove_map_pins(const struct pins *pins);

/* Removes the directories; what is not vmseg's stays, and is an error. */
int remove_pin_directories(const struct pins *pins, struct diag *diag);

#endif
