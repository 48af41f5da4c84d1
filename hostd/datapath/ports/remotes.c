/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions by remote address.
 */
#include "hostd/datapath/ports/remotes.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/program_wait.h"
#include "hostd/datapath/objects/session_table.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "vmseg.skel.h"

/* Entries that are read at once. */
#define PIECE 1024

static int outer_map(const struct filtered_port *port)
{
	return bpf_map__fd(port->objects->skeleton->maps.remote_map);
}

int make_remote_table(uint32_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "remotes", sizeof(struct remote_key),
			      sizeof(int64_t), size, &options);
}

int make_remotes(struct filtered_port *port)
{
	_cleanup_close_ int table = make_remote_table(port->table_size);
	int r = table < 0 ? table
			  : put_inner_table(port->objects, outer_map(port), port->slot, table);

	if (r == 0)
		port->has_remotes = true;
	return r;
}

static int open_remotes(const struct filtered_port *port)
{
	uint32_t id;
	int r = bpf_map_lookup_elem(outer_map(port), &port->slot, &id);

	return r < 0 ? r : bpf_map_get_fd_by_id(id);
}

static int add_session(int remotes, const struct session_key *key)
{
	struct remote_key remote = {.vlans = key_vlans(key)};
	int64_t count = 0;

	memcpy(remote.address, key->remote, ADDRESS_BYTES);
	/* None yet is a count of zero. */
	bpf_map_lookup_elem(remotes, &remote, &count);
	count++;
	return bpf_map_update_elem(remotes, &remote, &count, BPF_ANY);
}

int count_earlier_sessions(const struct filtered_port *port, uint32_t start)
{
	_cleanup_(clear_batch) struct session_batch batch = {0};
	_cleanup_close_ int sessions = open_table(port);
	_cleanup_close_ int remotes = open_remotes(port);
	int r = sessions < 0 ? sessions : remotes < 0 ? remotes : 0;

	while (r == 0 && !batch.finished) {
		r = read_batch(sessions, PIECE, &batch);
		for (uint32_t i = 0; r == 0 && i < batch.count; i++)
			if ((int32_t)(batch.values[i].created - start) < 0 &&
			    batch.values[i].state != STATE_TCP_UNCONFIRMED)
				r = add_session(remotes, &batch.keys[i]);
	}
	return r;
}

int renew_remotes(struct filtered_port *port)
{
	uint32_t start;
	int r = make_remotes(port);

	if (r == 0)
		r = read_jiffies(port->objects, &start);
	return r == 0 ? count_earlier_sessions(port, start) : r;
}

void drop_remotes(struct filtered_port *port)
{
	drop_inner_table(port->objects, outer_map(port), port->slot);
	port->has_remotes = false;
}
