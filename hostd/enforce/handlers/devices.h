/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says about host devices.
 */
#ifndef VMSEG_DEVICES_H
#define VMSEG_DEVICES_H

#include "hostd/enforce/inventory/enforcer.h"

/* A device has appeared. While libvirt's events come in (`watched`), or a managed domain runs, one
 * that a domain of libvirt's could have passes nothing until it is known whose it is. */
void note_device(struct enforcer *enforcer, unsigned int ifindex, const char *device, bool watched);

/* A tap is up and a process has it open, or not any more. A tap that is opened is like a new one:
 * it may be created long before a domain has it. One of a running domain that is not filtered stays
 * as it is. */
void note_held_device(struct enforcer *enforcer, unsigned int ifindex, const char *device,
		      bool held, bool watched);

/* A device is gone; `moved`: it is in another network namespace now. */
void lose_device(struct enforcer *enforcer, unsigned int ifindex, bool moved);

/* A device has a new name. What it has stays; if a domain waits for a device of that name, the
 * device is the domain's. */
void rename_device(struct enforcer *enforcer, unsigned int ifindex, const char *device);

#endif
