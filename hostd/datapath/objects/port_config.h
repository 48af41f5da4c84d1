/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a port is to be: the input from which its record and its tables are made.
 */
#ifndef VMSEG_DATAPATH_PORT_CONFIG_H
#define VMSEG_DATAPATH_PORT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/address.h"
#include "hostd/base/diag.h"

struct port_config {
	uint8_t mac[MAC_BYTES];
	uint32_t guards; /* enum guard_bit */
	uint32_t flags;  /* PORT_* */
	struct prefix addresses[PORT_ADDRESSES_MAX];
	size_t address_count;
	uint16_t vlans[PORT_VLANS_MAX];
	size_t vlan_count;
	/* By enum limit; 0: not limited. LIMIT_SESSIONS is the size of the port's session table. 0:
	 * quarantine; nothing passes, and the port costs the wait for a table only once it gets one
	 * (a port that has a table keeps it). */
	uint32_t limits[LIMIT_COUNT];
	uint32_t
		pickup_seconds; /* mid-stream pick-up from now on; 0: none, or as it runs already */
	bool fresh;    /* no guest has the device yet: attaching throws away what it has queued */
	bool reversed; /* macvtap: TC directions are the other way round; an update keeps it */
};

/* -EINVAL with an error in diag when a number is out of its range. */
int check_port_config(const struct port_config *config, struct diag *diag);

#endif
