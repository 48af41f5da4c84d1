/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libbpf's TC functions do not report, by rtnetlink: the kind of the qdisc at a device's
 * ingress, and whether it has filters.
 */
#ifndef VMSEG_DATAPATH_QDISC_H
#define VMSEG_DATAPATH_QDISC_H

#include <stdbool.h>
#include <stdint.h>

#define QDISC_KIND_BYTES 16 /* IFNAMSIZ, as the kernel limits it */

/* The kind of the device's ingress qdisc: "clsact", "ingress", or "" for none. Returns 0 or
 * -errno. */
int read_ingress_qdisc(unsigned int ifindex, char ret_kind[static QDISC_KIND_BYTES]);

/* Has the device's clsact qdisc any filter, whoever's, in either direction? True also when that
 * cannot be found out. */
bool clsact_has_filters(unsigned int ifindex);

/* The place of the filter that runs first at a hook of the device's clsact qdisc. */
struct filter_place {
	uint32_t priority;
	uint32_t handle;
};

/* Returns 0 or -errno; -ENOENT: there is no filter. */
int read_first_filter(unsigned int ifindex, bool ingress, struct filter_place *ret);

#endif
