/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a device a guest's end, or part of how the host itself is connected?
 */
#ifndef VMSEG_GUEST_END_H
#define VMSEG_GUEST_END_H

#include "hostd/base/diag.h"

/* Refuses what a filter for one guest would cut off more than that guest by: bridges, bonds, VLANs,
 * tunnels and hardware; members of a bond; devices with an address of the host's (other than
 * link-local IPv6), with a default route, or under another device such as a VLAN. Returns 0 or
 * -errno with an error in diag that says which of these: -EINVAL. */
int refuse_host_device(unsigned int ifindex, const char *device, struct diag *diag);

#endif
