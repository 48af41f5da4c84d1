/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would become of a frame: the programs themselves are asked.
 */
#ifndef VMSEG_DATAPATH_EXPLAIN_H
#define VMSEG_DATAPATH_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"

struct datapath;
struct image;
struct port_config;

struct explanation {
	uint8_t reason;   /* enum reason */
	uint32_t verdict; /* cell of the image, where policy was asked; else 0 */
	bool has_session; /* a live session was found */
};

/* What would become of a frame that crosses the port now. Nothing is written, sent or counted.
 * -ENOENT when the port is not attached. That the session table is full is known as the last sweep
 * has counted it. */
int explain_frame(struct datapath *datapath, unsigned int ifindex, enum direction direction,
		  const void *frame, size_t size, struct explanation *ret);

/* The same, as it were if update_port() had given the port this configuration and image: what is
 * open now is judged again. They are put beside what is in force, where no packet finds them, and
 * are gone when this returns. A limit by remote address that the port does not have yet is not
 * foreseen. Returns 0 or -errno with an error in diag; -EAGAIN: the port is in quarantine and has
 * no session table to ask. */
int explain_candidate(struct datapath *datapath, unsigned int ifindex,
		      const struct port_config *config, const struct image *image,
		      enum direction direction, const void *frame, size_t size,
		      struct explanation *ret, struct diag *diag);

#endif
