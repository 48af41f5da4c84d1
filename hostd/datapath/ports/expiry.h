/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending the expired sessions of one port, a piece of its table at a time.
 */
#ifndef VMSEG_DATAPATH_EXPIRY_H
#define VMSEG_DATAPATH_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/datapath/objects/session_table.h"

struct filtered_port;

/* How far the pass over a port's table has come. Zeroed: no pass has begun. */
struct expiry {
	struct session_batch batch; /* the last piece, and the place in the table */
	uint32_t table_id;          /* of the table that is read */
	uint32_t live;              /* sessions of it seen so far */
};

/* As the programs judge it: is_expired() in bpf/session.h. `now` in jiffies. */
bool is_expired(const struct settings *settings, const struct session *session, uint32_t now);

/* Ends what has expired of the next piece of about `wanted` entries. When batch.finished says that
 * the pass is complete, the port's number of live sessions is set. A port that has another table
 * than at the last piece begins a new pass. Returns 0 or -errno. */
int expire_piece(struct filtered_port *port, struct expiry *expiry, uint32_t wanted, uint32_t now);

/* A whole pass at once. */
int expire_port(struct filtered_port *port);

#endif
