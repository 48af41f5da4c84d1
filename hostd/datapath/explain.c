/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the programs themselves: a frame through the dry-run twin of the program that would see
 * it, on the live maps. The twin is the same code with every write left out.
 */
#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/jiffies.h"
#include "hostd/datapath/session.h"
#include "hostd/datapath/state.h"
#include "vmseg.skel.h"

int explain_frame(struct datapath *datapath, unsigned int ifindex, enum direction direction,
		  const void *frame, size_t size, struct explanation *ret)
{
	struct bpf_program *program = direction == DIRECTION_OUT
					      ? datapath->skeleton->progs.dry_from_vm
					      : datapath->skeleton->progs.dry_to_vm;
	struct __sk_buff before = {.ifindex = ifindex}, after = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)size,
		    .ctx_in = &before, .ctx_size_in = sizeof(before), .ctx_out = &after,
		    .ctx_size_out = sizeof(after));
	int r;

	if (!find_filtered_port(datapath, ifindex))
		return -ENOENT;
	r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
	if (r < 0)
		return r;
	*ret = (struct explanation){
		.reason = (uint8_t)after.cb[DRY_RUN_REASON],
		.verdict = after.cb[DRY_RUN_VERDICT],
		.has_session = after.cb[DRY_RUN_FLAGS] & DRY_RUN_HAS_SESSION,
	};
	return 0;
}

int read_session(struct datapath *datapath, unsigned int ifindex, const struct session_key *key,
		 struct session_view *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	_cleanup_close_ int table = -1;
	struct session session;
	uint32_t now = 0;
	int r;

	if (!port || !port->table_size)
		return -ENOENT;
	table = open_table(port);
	if (table < 0)
		return table;
	r = bpf_map_lookup_elem(table, key, &session);
	if (r == 0)
		r = read_jiffies(datapath, &now);
	if (r < 0)
		return r;
	if (is_expired(settings_of(&datapath->memory), &session, now))
		return -ENOENT;
	*ret = view_of_session(datapath, key, &session, now);
	return 0;
}
