/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the properties of one network device by rtnetlink.
 */
#ifndef VMSEG_LINK_INFO_H
#define VMSEG_LINK_INFO_H

#include <stdbool.h>

#define LINK_KIND_BYTES 16

struct link_info {
	bool is_ethernet;           /* its frames begin with an Ethernet header */
	char kind[LINK_KIND_BYTES]; /* "veth", "tun", "macvtap"...; "" for hardware */
	unsigned int peer;   /* ifindex of a veth's other end; 0: none in this network namespace */
	unsigned int master; /* ifindex of its bridge or bond; 0: it has none */
	bool has_xdp;        /* an XDP program is on it */
	/* A tap or tun that no process has open, or that is down. The kernel does not report when a
	 * process opens or closes one that is down; that one passes nothing. */
	bool is_unheld;
	char master_kind[LINK_KIND_BYTES]; /* "bridge", "openvswitch", "bond"...; "" without one */
};

struct nlmsghdr;

/* Reads the kernel's message about a device; false: it is none. */
bool parse_link_info(const struct nlmsghdr *header, struct link_info *ret);

/* Returns 0 or -errno; -ENODEV: there is no such device. */
int read_link_info(unsigned int ifindex, struct link_info *ret);

/* Whether the guest is at the upper end of such a device, as with a macvtap: then what it sends
 * goes out of the device, not into it. */
bool is_reversed_kind(const char *kind);

/* Whether a process opens such a device by a file: a tap or tun, macvtap, ipvtap. */
bool is_opened_kind(const char *kind);

/* Whether such a device connects one guest to the host: a tap, veth, macvtap and the like. Bridges,
 * bonds, VLANs, tunnels and hardware do not. */
bool is_guest_kind(const char *kind);

#endif
