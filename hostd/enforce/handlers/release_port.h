/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that an administrator releases.
 */
#ifndef VMSEG_RELEASE_PORT_H
#define VMSEG_RELEASE_PORT_H

#include "hostd/enforce/inventory/enforcer.h"

/* Opens an unclaimed device: an administrator says that it is not to be filtered. Or opens all
 * devices of the domain that has it, if libvirt does not know that domain any more
 * (forget_ended_domain()). Returns 0 or -errno with an error: -ENOENT (it is none), -EBUSY (a
 * domain has it). */
int release_port(struct enforcer *enforcer, const char *device, struct diag *diag);

#endif
