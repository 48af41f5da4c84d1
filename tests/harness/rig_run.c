// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames through the rig's programs, and what they leave in the maps. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "hostd/base/cleanup.h"
#include "tests/bpf/push_tag.skel.h"
#include "tests/harness/rig.h"
#include "tests/harness/rig_internal.h"
#include "tests/harness/test.h"
#include "vmseg.skel.h"

int rig_program(struct rig *rig, enum rig_program program)
{
	switch (program) {
	case RIG_TO_VM:
		return bpf_program__fd(rig->skeleton->progs.to_vm);
	case RIG_FROM_VM:
		return bpf_program__fd(rig->skeleton->progs.from_vm);
	case RIG_DRY_TO_VM:
		return bpf_program__fd(rig->skeleton->progs.dry_to_vm);
	default:
		return bpf_program__fd(rig->skeleton->progs.dry_from_vm);
	}
}

/* Makes the port the one of its device, until another that shares it has a frame to run. */
static void name_port(struct rig_port *port)
{
	struct vmseg *skeleton = port->rig->skeleton;

	if (port->ifindex < PORT_INDEX_ENTRIES)
		rig_write(skeleton->maps.port_index, port->ifindex, &port->published);
	else
		rig_write(skeleton->maps.port_index_high, port->ifindex, &port->published);
}

static int run_program(struct rig_port *port, enum rig_program program, const struct packet *packet,
		       struct __sk_buff *ret_context)
{
	struct rig *rig = port->rig;
	struct __sk_buff context = {.ifindex = port->ifindex};
	int fd = rig_program(rig, program);
	uint8_t out[PACKET_BYTES_MAX + 8];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->length, .data_out = out, .data_size_out = sizeof(out),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .ctx_out = ret_context,
		    .ctx_size_out = sizeof(*ret_context));
	int result;

	if (packet->segment_size) {
		context.gso_size = packet->segment_size;
		context.gso_segs = packet->length / packet->segment_size + 1;
	}
	if (packet->tag_protocol) {
		context.cb[0] = packet->tag_protocol;
		context.cb[1] = packet->tag;
		context.cb[2] = program;
		fd = bpf_program__fd(rig->tagger->progs.push_tag);
	}
	name_port(port);
	result = bpf_prog_test_run_opts(fd, &options);
	if (result)
		fail_msg("rig: BPF_PROG_TEST_RUN: %s", strerror(-result));
	return (int)options.retval;
}

int run_frame(struct rig_port *port, enum direction direction, const struct packet *packet)
{
	struct __sk_buff context = {0};

	return run_program(port, (enum rig_program)direction, packet, &context);
}

struct dry_run dry_run_frame(struct rig_port *port, enum direction direction,
			     const struct packet *packet)
{
	struct __sk_buff context = {0};
	enum rig_program twin = direction == DIRECTION_OUT ? RIG_DRY_FROM_VM : RIG_DRY_TO_VM;
	int action = run_program(port, twin, packet, &context);

	return (struct dry_run){
		.action = action,
		.reason = context.cb[DRY_RUN_REASON],
		.verdict = context.cb[DRY_RUN_VERDICT],
		.has_session = context.cb[DRY_RUN_FLAGS] & DRY_RUN_HAS_SESSION,
		.slot = context.cb[DRY_RUN_SLOT],
		.generation = context.cb[DRY_RUN_GENERATION],
	};
}

/* ---- counters ------------------------------------------------------------------------------- */

static void add_words(uint64_t *sum, const uint64_t *words, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		sum[i] += words[i];
}

/* Sums a per-CPU value that consists of 64-bit words. */
static void read_sum(struct bpf_map *map, uint32_t key, void *ret, size_t size)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint8_t *values = calloc(cpus, size);
	int result;

	assert_non_null(values);
	result = bpf_map_lookup_elem(bpf_map__fd(map), &key, values);
	if (result)
		fail_msg("rig: %s: %s", bpf_map__name(map), strerror(-result));
	memset(ret, 0, size);
	for (int i = 0; i < cpus; i++)
		add_words(ret, (const uint64_t *)(values + i * size), size);
}

void read_rig_stats(struct rig *rig, uint32_t slot, struct port_stats *ret)
{
	read_sum(rig->skeleton->maps.stats_map, slot, ret, sizeof(*ret));
}

struct counter read_rig_rule(struct rig_port *port, uint32_t rule)
{
	struct counter counter;

	read_sum(port->rig->skeleton->maps.rule_stats_map, port->rule_base + rule, &counter,
		 sizeof(counter));
	return counter;
}

struct port_state read_rig_port_state(struct rig_port *port)
{
	struct bpf_map *map = port->rig->skeleton->maps.port_state_map;
	struct port_state port_state;
	int result = bpf_map_lookup_elem(bpf_map__fd(map), &port->slot, &port_state);

	if (result)
		fail_msg("rig: %s: %s", bpf_map__name(map), strerror(-result));
	return port_state;
}

/* ---- sessions ------------------------------------------------------------------------------- */

struct session_key session_between(const struct host *local, uint16_t local_port,
				   const struct host *remote, uint16_t remote_port,
				   uint8_t protocol)
{
	struct session_key key = {
		.local_port = htons(local_port),
		.remote_port = htons(remote_port),
		.protocol = protocol,
	};

	memcpy(key.local, local->address, ADDRESS_BYTES);
	memcpy(key.remote, remote->address, ADDRESS_BYTES);
	return key;
}

struct session_key key_in_vlan(uint16_t outer, uint16_t inner, struct session_key key)
{
	set_key_vlans(&key, (uint32_t)outer << 12 | inner);
	return key;
}

bool find_session(struct rig_port *port, const struct session_key *key, struct session *ret)
{
	return !bpf_map_lookup_elem(port->sessions, key, ret);
}

uint32_t count_sessions(struct rig_port *port)
{
	struct session_key key, *previous = NULL;
	uint32_t count = 0;

	while (!bpf_map_get_next_key(port->sessions, previous, &key)) {
		previous = &key;
		count++;
	}
	return count;
}

int64_t count_remote_sessions(struct rig_port *port, const struct session_key *key)
{
	struct remote_key remote = {.vlans = key_vlans(key)};
	int64_t count;

	memcpy(remote.address, key->remote, ADDRESS_BYTES);
	return bpf_map_lookup_elem(port->remotes, &remote, &count) ? 0 : count;
}

uint32_t expire_sessions(struct rig_port *port, const struct session_key *keys, uint32_t count)
{
	struct expire_batch batch = {0};
	struct __sk_buff context = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &batch, .data_size_in = sizeof(batch),
		    .ctx_in = &context, .ctx_size_in = sizeof(context));
	int result;

	context.cb[EXPIRE_RECORD] = port->published - 1;
	context.cb[EXPIRE_COUNT] = count;
	memcpy(batch.key, keys, count * sizeof(*keys));
	result = bpf_prog_test_run_opts(bpf_program__fd(port->rig->skeleton->progs.expire_sessions),
					&options);
	if (result)
		fail_msg("rig: expire_sessions: %s", strerror(-result));
	return options.retval;
}

void age_session(struct rig_port *port, const struct session_key *key, uint32_t jiffies)
{
	struct session session;

	if (!find_session(port, key, &session))
		fail_msg("rig: no session to age");
	session.seen -= jiffies;
	if (bpf_map_update_elem(port->sessions, key, &session, BPF_EXIST))
		fail_msg("rig: ageing a session: %s", strerror(errno));
}
