/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attached devices that no known domain has.
 */
#ifndef VMSEG_UNCLAIMED_H
#define VMSEG_UNCLAIMED_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* For any text of explain_unclaimed(), also with two names of domains. */
#define REASON_BYTES 768

/* An attached port without an owner: it passes nothing, or what its last owner allowed. */
struct unclaimed_port {
	unsigned int ifindex;
	char device[16];
	uint64_t since;    /* monotonic_usec() when it came, or when a process opened it */
	bool asked;        /* libvirt was asked about it, and has not answered yet */
	uint64_t released; /* monotonic_usec() when it was decided to open it; 0: it was not */
	bool named;        /* that was decided because an unmanaged domain's description names it */
	bool adopted;      /* see add_unclaimed() */
	bool unheld;       /* a tap that no process has open, or that is down: link_info.h */
	UT_hash_handle hh;
};

/* `adopted`: it was filtered for a domain when the daemon started, and no state file says for which
 * one. It may be a port domain's, which libvirt does not know. */
void add_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device,
		   bool adopted);

/* The tap is up and a process has it open, or not any more. One that is opened may be a domain's
 * from now on, so what libvirt said before does not count. Does nothing for other devices. */
void note_held(struct enforcer *enforcer, unsigned int ifindex, bool held);

/* The device has a new name: what libvirt said before does not count. False: it is another device.
 */
bool rename_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device);

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

/* Released devices are opened by chores, one at a time, and not before the QEMUs of all managed
 * domains were looked at: a device that one of them holds stays closed. Each call looks at one QEMU
 * or opens one device. */
bool has_released_device(const struct enforcer *enforcer);
void open_released_device(struct enforcer *enforcer);

/* ---- devices that an administrator has opened ----------------------------------------------- */

/* A QEMU that holds the device is no reason to close it again. */
int note_opened_by_hand(struct enforcer *enforcer, unsigned int ifindex);
bool was_opened_by_hand(const struct enforcer *enforcer, unsigned int ifindex);

/* The device is gone. */
void forget_opened(struct enforcer *enforcer, unsigned int ifindex);

void free_unclaimed(struct enforcer *enforcer);

#endif
