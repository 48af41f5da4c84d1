/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New configurations and images for attached ports.
 */
#ifndef VMSEG_DATAPATH_UPDATE_H
#define VMSEG_DATAPATH_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "hostd/base/diag.h"

struct datapath;
struct image;
struct port_config;

/* Publishes a new record (and image) for an attached port. When it returns 0 no packet is judged
 * by the old one any more. On failure the old one is in force. Sessions are kept, also when the
 * session limit changes, and judged again because the generation changes; if neither config nor
 * image differ from what is in force, nothing happens. A session limit below the number of live
 * sessions ends none of them: no further one is admitted, and the limit tightens as they end. */
int update_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag);

struct port_update {
	unsigned int ifindex; /* each port at most once */
	const struct port_config *config;
	const struct image *image;
};

/* The same for many ports, all or none of them. Cheaper than one by one: the wait for the packets
 * that are still judged by an old record (some 10 ms) is paid once. */
int update_ports(struct datapath *datapath, const struct port_update *updates, size_t count,
		 struct diag *diag);

/* Which of these an update of the port would change. With either of the first two its sessions are
 * judged again. */
struct port_changes {
	bool image;
	bool config;        /* guards, other limits, addresses, flags */
	bool session_limit; /* the size of its session table */
};

/* What update_port() would do. Changes nothing. -ENOENT when the port is not attached. */
int foresee_update(struct datapath *datapath, unsigned int ifindex,
		   const struct port_config *config, const struct image *image,
		   struct port_changes *ret);

#endif
