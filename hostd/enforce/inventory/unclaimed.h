/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attached devices that no known domain has.
 */
#ifndef VMSEG_UNCLAIMED_H
#define VMSEG_UNCLAIMED_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* An attached port without an owner: it passes nothing, or what its last owner allowed. */
struct unclaimed_port {
	unsigned int ifindex;
	char device[16];
	uint64_t since; /* monotonic_usec() */
	bool asked;     /* libvirt was asked about it, and has not answered yet */
	bool released;  /* its domain is not filtered: it is about to be opened */
	bool adopted;   /* see add_unclaimed() */
	UT_hash_handle hh;
};

/* `adopted`: it was filtered for a domain when the daemon started, and no state file says for which
 * one. It may be a port domain's, which libvirt does not know. */
void add_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device,
		   bool adopted);

/* The device has an owner now. Does nothing for other devices. */
void claim_device(struct enforcer *enforcer, unsigned int ifindex);

struct unclaimed_port *find_unclaimed(struct enforcer *enforcer, unsigned int ifindex);
const struct unclaimed_port *first_unclaimed_port(struct enforcer *enforcer);

/* Why the device stays closed: who could still have it. The text is in `buffer`; false: it is
 * nobody's and about to be opened. */
bool explain_unclaimed(const struct enforcer *enforcer, const struct unclaimed_port *port,
		       char *buffer, size_t size);

/* Is there a device that nobody has claimed and that not every libvirt has been asked about, or a
 * domain that runs and is not known? True once for each. */
bool needs_descriptions(struct enforcer *enforcer);

/* Marks the devices as released of which it is certain that no domain that may be managed has them.
 */
void release_unclaimed(struct enforcer *enforcer);

/* Marks devices of a domain that is not filtered as released: those that its description names,
 * was given after they came, and that no managed domain names. */
void release_devices(struct enforcer *enforcer, const struct managed_domain *managed);

/* Released devices are opened by chores, one at a time. */
bool has_released_device(const struct enforcer *enforcer);
void open_released_device(struct enforcer *enforcer);

void free_unclaimed(struct enforcer *enforcer);

#endif
