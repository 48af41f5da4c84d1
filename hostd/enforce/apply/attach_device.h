/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching a device.
 */
#ifndef VMSEG_ATTACH_DEVICE_H
#define VMSEG_ATTACH_DEVICE_H

#include "hostd/enforce/inventory/enforcer.h"

/* attach_port() for a device as the kernel describes it: the only place that decides in which of
 * its directions the guest sends. `config->reversed` is not read. Returns 0 or -errno with an error
 * in diag: -EOPNOTSUPP for a device whose frames TC programs cannot filter. */
int attach_device(struct enforcer *enforcer, unsigned int ifindex, const struct port_config *config,
		  const struct image *image, struct diag *diag);

#endif
