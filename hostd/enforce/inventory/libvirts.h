/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libvirts of the settings: what each has described, and when.
 */
#ifndef VMSEG_LIBVIRTS_H
#define VMSEG_LIBVIRTS_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* One of them. */
struct libvirt_source {
	char *uri;
	char driver[16]; /* "qemu", "lxc"; "" before it has described anything */
	uint64_t
		described; /* monotonic_usec() from before it was asked for all; 0: not connected */
};

struct libvirts {
	struct libvirt_source *items; /* in the order of libvirt-uri when the daemon started */
	size_t count;
	bool lists_unknown; /* one of them runs a domain that is not known */
};

/* Returns 0 or -ENOMEM. */
int new_libvirts(const struct config *config, struct libvirts **ret);
void free_libvirts(struct libvirts **libvirts);

/* The libvirt of this number, whose driver is `driver`, was asked after `seen` to describe all
 * that runs, has done so, and reconcile_domain() was called for each. */
void note_described(struct enforcer *enforcer, size_t libvirt, const char *driver, uint64_t seen);

/* It is not connected any more. */
void note_unreachable(struct enforcer *enforcer, size_t libvirt);

/* Whether one that is connected is of this driver. */
bool is_driver_connected(const struct enforcer *enforcer, const char *driver);

/* A domain of libvirt's that is to be filtered, while no libvirt of its driver is connected:
 * changes of its metadata and its NICs are not seen. */
bool is_unwatched(const struct enforcer *enforcer, const struct managed_domain *managed);

/* One that has not described all that runs since `since`, or NULL. */
const struct libvirt_source *find_undescribed(const struct enforcer *enforcer, uint64_t since);

#endif
