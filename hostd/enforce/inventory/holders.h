/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which devices the QEMUs of managed domains hold open. Libvirt's XML does not name all of them: a
 * monitor command can add an interface. A look at one QEMU takes a fraction of a millisecond, so
 * they are looked at in turn.
 */
#ifndef VMSEG_HOLDERS_H
#define VMSEG_HOLDERS_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* Looks at the domain's QEMU now. Does nothing for domains whose open devices are of no concern. */
void look_at_process(const struct enforcer *enforcer, struct managed_domain *managed);

/* Looks at the few domains that were looked at least recently: once in each round of repairs. */
void look_at_next_processes(struct enforcer *enforcer);

/* Looks at one domain that was not looked at since then; false: all were. */
bool look_at_unseen_process(struct enforcer *enforcer, uint64_t since);

/* Whether this device of the host's network namespace can be one that a process holds open. The
 * kernel shows the names of held devices only, and another namespace may have the same names. */
bool can_be_held(unsigned int ifindex);

/* Whether the domain is managed, its QEMU had the device open when it was last looked at, and its
 * description does not name the device. */
bool holds_secretly(const struct enforcer *enforcer, const struct managed_domain *managed,
		    const char *device);

/* A domain that holds the device secretly; NULL: there is none. */
const struct managed_domain *find_secret_holder(const struct enforcer *enforcer,
						const char *device);

/* A managed domain whose QEMU could not be looked at; NULL: there is none. */
const struct managed_domain *find_unseen(const struct enforcer *enforcer);

/* Why the domain's QEMU could not be looked at; NULL: it was, or is of no concern. */
const char *explain_unseen(const struct enforcer *enforcer, const struct managed_domain *managed);

#endif
