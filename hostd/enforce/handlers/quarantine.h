/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closing devices: nothing passes until it is known which domain has the device.
 */
#ifndef VMSEG_QUARANTINE_H
#define VMSEG_QUARANTINE_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* Does quarantine-except name the device? */
bool is_exempt(const struct config *config, const char *device);

/* Returns false if the device cannot be closed, which is logged, or is gone. */
bool close_device(struct enforcer *enforcer, unsigned int ifindex, const char *device);

/* Does a device that a managed domain's QEMU has open stay as it is? It does if it is filtered
 * already, was opened by an administrator, or is exempt. */
bool may_stay_open(const struct enforcer *enforcer, unsigned int ifindex, const char *device);

/* Closes devices that the domain's QEMU has open, and that neither the domain's description names
 * nor an administrator has opened. */
void close_held_devices(struct enforcer *enforcer, const struct managed_domain *managed);

/* Closes devices that have the name of one of the domain's NICs, and that are not proven to be it.
 */
void close_namesakes(struct enforcer *enforcer, const struct managed_domain *managed);

#endif
