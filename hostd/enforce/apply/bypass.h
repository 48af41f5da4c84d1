/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ways by which frames pass a device without its TC programs, as far as the kernel shows them.
 */
#ifndef VMSEG_BYPASS_H
#define VMSEG_BYPASS_H

#include <stdbool.h>
#include <stddef.h>

#include "hostd/base/diag.h"

/* Devices, by ifindex, as they were when last looked. */
struct bypasses {
	unsigned int *read; /* what they receive goes to a packet socket first */
	size_t read_count;
	unsigned int *xdp; /* an XDP program runs before TC */
	size_t xdp_count;
};

/* Looks for devices without a bridge whose frames somebody takes from a packet socket: packet
 * sockets have a frame before TC ingress (__netif_receive_skb_core() in net/core/dev.c). This is
 * how Open vSwitch's userspace datapath works; a sniffer looks the same. Returns 0 or -errno, and
 * then what was known stays. */
int look_for_packet_sockets(struct bypasses *bypasses);

/* Looks for XDP programs on devices. Returns 0 or -errno, and then what was known stays. */
int look_for_xdp(struct bypasses *bypasses);

/* The kernel reports that an XDP program has been attached to the device or removed. Returns 0 or
 * -ENOMEM, and then what was known stays. */
int note_xdp_change(struct bypasses *bypasses, unsigned int ifindex, bool has_xdp);

/* Has a packet socket the device's frames first, as last looked? */
bool is_read_first(const struct bypasses *bypasses, unsigned int ifindex);

/* What is wrong with the device, as last looked; NULL: nothing. */
const char *find_bypass(const struct bypasses *bypasses, unsigned int ifindex);

/* -EOPNOTSUPP with an error in diag when a packet socket has the device's frames now. */
int refuse_bypass(unsigned int ifindex, const char *device, struct diag *diag);

void free_bypasses(struct bypasses *bypasses);

#endif
