/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains that libvirt does not list any more, or lists and that are not known.
 */
#ifndef VMSEG_UNLISTED_H
#define VMSEG_UNLISTED_H

#include "hostd/enforce/inventory/enforcer.h"

/* The libvirt of this driver ("qemu", "lxc") was asked about the domain after `seen` and says that
 * it does not run. It is forgotten, unless one of its devices is still there: then it stays
 * filtered and is a problem until the device is gone, libvirt knows the domain again, the hook says
 * that it is over, or release_port(). */
void forget_ended_domain(struct enforcer *enforcer, const char *driver, const char *uuid,
			 uint64_t seen);

/* These UUIDs are all that run of this driver: the others are forgotten in the same way. */
void forget_unlisted_domains(struct enforcer *enforcer, const char *driver,
			     const char *const *uuids, size_t count, uint64_t seen);

/* Is one of these running domains unknown here? Then needs_descriptions() is true once. */
void note_unknown_domains(struct enforcer *enforcer, const char *const *uuids, size_t count);

#endif
