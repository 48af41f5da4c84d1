/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of one port, and what the kernel says about it.
 */
#ifndef VMSEG_DATAPATH_PORT_STATUS_H
#define VMSEG_DATAPATH_PORT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/datapath/attachment/attach_method.h"

struct datapath;

struct port_status {
	unsigned int ifindex;
	char ifname[16];        /* name at attach; IF_NAMESIZE */
	uint8_t mac[MAC_BYTES]; /* of the configuration */
	enum attach_method attach;
	uint32_t slot;
	uint32_t generation;
	uint32_t link_id[2];    /* TCX, by enum direction; 0 with clsact */
	uint32_t program_id[2]; /* by enum direction, as the kernel reports it on the device */
	uint32_t session_map_id;
	uint32_t session_limit;
	uint32_t session_count;  /* live ones, as the last sweep counted them */
	uint32_t pickup_seconds; /* that mid-stream pick-up is still on; 0: it is off */
	bool device_gone;
	bool hooked[2]; /* by direction: our program is on the device now */
};

int read_port_status(struct datapath *datapath, unsigned int ifindex, struct port_status *ret);

/* The same counts, without a look at the device. Returns 0, or -ENOENT. */
int read_session_count(const struct datapath *datapath, unsigned int ifindex, uint32_t *ret_count,
		       uint32_t *ret_limit);

/* An attached port that has been in quarantine since it came: it has no session table, and nothing
 * passes. Does not ask the kernel. */
bool is_closed_port(const struct datapath *datapath, unsigned int ifindex);

/* Asks the kernel: a system call for each direction with TCX, some more with clsact. -ENOENT: not
 * attached; -ENODEV: the device is gone. */
int read_hook_state(struct datapath *datapath, unsigned int ifindex, enum hook_state *ret);

#endif
