// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/model/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "tests/bpf/push_tag.skel.h"
#include "tests/harness/rig_internal.h"
#include "tests/harness/test.h"
#include "vmseg.skel.h"

#define PACE_SHIFT 16 /* bpf/limit.h: pacing times are in fractions of a jiffy */

/* A place in fragment_map, as bpf/fragment.h has it. */
struct fragment_place {
	uint32_t lock;
	uint32_t seen;
	uint8_t key[44];
	uint32_t end; /* 0: nothing is here */
};

void name_port(struct rig_port *port)
{
	uint64_t published = port->published;

	rig_write(port->rig->skeleton->maps.port_index, LOOPBACK_IFINDEX, &published);
}

/* ---- running -------------------------------------------------------------------------------- */

bool ask_program(struct rig_port *port, enum direction direction, bool dry,
		 const struct packet *packet, struct program_answer *ret)
{
	enum rig_program program = dry ? RIG_DRY_TO_VM + direction : RIG_TO_VM + direction;
	struct rig *rig = port->rig;
	struct __sk_buff in = {0}, out = {0};
	int fd = rig_program(rig, program), result;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->length, .ctx_in = &in, .ctx_size_in = sizeof(in));

	if (dry) {
		options.ctx_out = &out;
		options.ctx_size_out = sizeof(out);
	}
	if (packet->tag_protocol) {
		in.cb[0] = packet->tag_protocol;
		in.cb[1] = packet->tag;
		in.cb[2] = program;
		fd = bpf_program__fd(rig->tagger->progs.push_tag);
	}
	result = bpf_prog_test_run_opts(fd, &options);
	if (result == -EINVAL)
		return false;
	if (result)
		fail_msg("BPF_PROG_TEST_RUN: %s", strerror(-result));
	/* The kernel's helper had no room for the tag. */
	if (options.retval == TC_ACT_STOLEN)
		return false;
	ret->pass = options.retval != TC_ACT_SHOT;
	ret->reason = out.cb[DRY_RUN_REASON];
	ret->verdict = out.cb[DRY_RUN_VERDICT];
	ret->has_session = out.cb[DRY_RUN_FLAGS] & DRY_RUN_HAS_SESSION;
	ret->slot = out.cb[DRY_RUN_SLOT];
	ret->generation = out.cb[DRY_RUN_GENERATION];
	return true;
}

struct counter read_rule_hits(struct rig_port *port, uint32_t number)
{
	uint32_t base = port->rule_base;
	struct counter counter;

	port->rule_base = number;
	counter = read_rig_rule(port, 0);
	port->rule_base = base;
	return counter;
}

uint32_t read_program_clock(struct rig_port *port)
{
	uint8_t frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));
	int result = bpf_prog_test_run_opts(bpf_program__fd(port->rig->skeleton->progs.read_clock),
					    &options);

	if (result)
		fail_msg("read_clock: %s", strerror(-result));
	return options.retval;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void must(int result, const char *what)
{
	if (result < 0)
		fail_msg("%s: %s", what, strerror(-result));
}

static void read_place(struct rig_port *port, uint32_t place, struct fragment_place *ret)
{
	struct bpf_map *map = port->rig->skeleton->maps.fragment_map;
	uint32_t key = port->slot * FRAGMENTS_PER_PORT + place;

	if (bpf_map__value_size(map) != sizeof(*ret))
		fail_msg("fragment_map has another layout than it is said to have");
	must(bpf_map_lookup_elem(bpf_map__fd(map), &key, ret), "fragment_map");
}

static void write_place(struct rig_port *port, uint32_t place, const struct fragment_place *value)
{
	rig_write(port->rig->skeleton->maps.fragment_map, port->slot * FRAGMENTS_PER_PORT + place,
		  value);
}

/* Deleting the first key until there is none: the tables are small. */
static void empty_table(int table)
{
	uint8_t key[sizeof(struct session_key)];

	while (!bpf_map_get_next_key(table, NULL, key))
		must(bpf_map_delete_elem(table, key), "emptying a table");
}

void clear_port_tables(struct rig_port *port)
{
	empty_table(port->sessions);
	empty_table(port->remotes);
}

void clear_port_state(struct rig_port *port)
{
	const struct port_state state = {0};

	rig_write(port->rig->skeleton->maps.port_state_map, port->slot, &state);
}

void clear_port_fragments(struct rig_port *port)
{
	const struct fragment_place nothing = {0};

	for (uint32_t i = 0; i < FRAGMENTS_PER_PORT; i++)
		write_place(port, i, &nothing);
}

static void age_fragments(struct rig_port *port, uint32_t jiffies)
{
	struct fragment_place place;

	for (uint32_t i = 0; i < FRAGMENTS_PER_PORT; i++) {
		read_place(port, i, &place);
		if (!place.end)
			continue;
		place.seen -= jiffies;
		write_place(port, i, &place);
	}
}

static void age_pacing(struct rig_port *port, uint32_t jiffies)
{
	struct port_state state = read_rig_port_state(port);
	uint64_t back = (uint64_t)jiffies << PACE_SHIFT;

	state.session_due = state.session_due > back ? state.session_due - back : 0;
	rig_write(port->rig->skeleton->maps.port_state_map, port->slot, &state);
}

/* Keys first: an update while walking could show an entry twice. */
static uint32_t list_keys(struct rig_port *port, struct session_key *keys, uint32_t room)
{
	struct session_key *previous = NULL;
	uint32_t count = 0;

	while (count < room && !bpf_map_get_next_key(port->sessions, previous, &keys[count]))
		previous = &keys[count++];
	return count;
}

#define SESSIONS_MAX 1024

void turn_back_stamps(struct rig_port *port, uint32_t jiffies, bool fragments)
{
	struct session_key keys[SESSIONS_MAX];
	uint32_t count = list_keys(port, keys, SESSIONS_MAX);

	for (uint32_t i = 0; i < count; i++)
		age_session(port, &keys[i], jiffies);
	if (fragments)
		age_fragments(port, jiffies);
	age_pacing(port, jiffies);
	if (port->record.pickup_until) {
		port->record.pickup_until -= jiffies;
		rewrite_port(port);
	}
}

uint32_t sweep_programs(struct rig_port *port)
{
	struct session_key keys[SESSIONS_MAX];
	uint32_t count = list_keys(port, keys, SESSIONS_MAX), ended = 0;

	for (uint32_t i = 0; i < count; i += EXPIRE_BATCH_KEYS) {
		uint32_t batch = count - i;

		if (batch > EXPIRE_BATCH_KEYS)
			batch = EXPIRE_BATCH_KEYS;
		ended += expire_sessions(port, &keys[i], batch);
	}
	return ended;
}
