// SPDX-License-Identifier: GPL-2.0-or-later
/* The rig's programs and ports. Frames are in rig_run.c. */
#include <sched.h>
#include <sys/resource.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/compile.h"
#include "tests/bpf/push_tag.skel.h"
#include "tests/harness/rig.h"
#include "tests/harness/rig_internal.h"
#include "tests/harness/test.h"
#include "vmseg.skel.h"

/* Each port has its own part of the pools: room for 10,000 rules on 200 services. */
#define NODES_PER_PORT    (1 << 18)
#define COUNTERS_PER_PORT (1 << 14)
#define SESSION_LIMIT     4096
#define RING_BYTES        (1 << 18)

/* Timeouts are given in jiffies; this only has to be plausible. */
#define RIG_HZ 250

static const uint32_t default_timeout[STATE_COUNT] = {
#define STATE(identifier, name, seconds, source) [STATE_##identifier] = (seconds)*RIG_HZ,
#include "bpf/states.def"
#undef STATE
};

/* Calls that have no business to fail here. */
static void must(int result, const char *what)
{
	if (result < 0)
		fail_msg("rig: %s: %s", what, strerror(-result));
}

void rig_write(struct bpf_map *map, uint32_t key, const void *value)
{
	must(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY), bpf_map__name(map));
}

/* ---- programs ------------------------------------------------------------------------------- */

/* Before 5.11 BPF memory counts against RLIMIT_MEMLOCK. Where it may not be raised it is either
 * large enough or loading says so. */
static void raise_memory_limit(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

static int print_warnings(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

/* Policies are only those of the rig's own ports. */
static void size_maps(struct vmseg *skeleton, uint32_t ports)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skeleton->obj) bpf_map__set_pin_path(map, NULL);
	bpf_map__set_max_entries(skeleton->maps.port_map, 2 * (ports + 1));
	bpf_map__set_max_entries(skeleton->maps.port_state_map, ports + 1);
	bpf_map__set_max_entries(skeleton->maps.stats_map, ports + 1);
	bpf_map__set_max_entries(skeleton->maps.session_map, ports + 1);
	bpf_map__set_max_entries(skeleton->maps.remote_map, ports + 1);
	bpf_map__set_max_entries(skeleton->maps.policy_map, RIG_PORTS * NODES_PER_PORT);
	bpf_map__set_max_entries(skeleton->maps.rule_stats_map, RIG_PORTS * COUNTERS_PER_PORT);
	bpf_map__set_max_entries(skeleton->maps.event_ring, RING_BYTES);
	bpf_map__set_max_entries(skeleton->maps.fragment_map, FRAGMENTS_PER_PORT * (ports + 1));
}

static int keep_event(void *context, void *data, size_t size)
{
	struct rig *rig = context;

	if (size >= sizeof(struct event) && rig->event_count < ARRAY_SIZE(rig->events))
		memcpy(&rig->events[rig->event_count++], data, sizeof(struct event));
	return 0;
}

bool take_event(struct rig *rig, struct event *ret)
{
	must(ring_buffer__consume(rig->ring), "event ring");
	if (!rig->event_count)
		return false;
	*ret = rig->events[0];
	rig->event_count--;
	memmove(rig->events, rig->events + 1, rig->event_count * sizeof(rig->events[0]));
	return true;
}

static void load_programs(struct rig *rig, uint32_t ports)
{
	rig->skeleton = vmseg__open();
	if (!rig->skeleton)
		fail_msg("rig: the BPF object does not open: %s", strerror(errno));
	size_maps(rig->skeleton, ports);
	must(vmseg__load(rig->skeleton), "loading the BPF programs");

	rig->tagger = push_tag__open_and_load();
	if (!rig->tagger)
		fail_msg("rig: push_tag does not load: %s", strerror(errno));
	for (int i = 0; i < RIG_PROGRAM_COUNT; i++) {
		int fd = rig_program(rig, i);

		rig_write(rig->tagger->maps.programs, i, &fd);
	}

	rig->ring = ring_buffer__new(bpf_map__fd(rig->skeleton->maps.event_ring), keep_event, rig,
				     NULL);
	if (!rig->ring)
		fail_msg("rig: the event ring does not open: %s", strerror(errno));
}

int open_rig_for(void **state, uint32_t ports)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	/* The programs see the loopback device as theirs: it had better be nobody else's. */
	if (unshare(CLONE_NEWNET))
		fail_msg("rig: no network namespace of its own (not root?): %s", strerror(errno));
	raise_memory_limit();
	libbpf_set_print(print_warnings);
	load_programs(rig, ports);
	for (uint32_t i = 0; i < RIG_PORTS; i++) {
		rig->ports[i].rig = rig;
		rig->ports[i].slot = i + 1;
		rig->ports[i].sessions = -1;
		rig->ports[i].remotes = -1;
	}
	*state = &rig->ports[0];
	return 0;
}

int open_rig(void **state)
{
	return open_rig_for(state, RIG_PORTS);
}

int close_rig(void **state)
{
	struct rig *rig;

	if (!*state) /* opening failed, which has been said */
		return 0;
	rig = ((struct rig_port *)*state)->rig;
	for (int i = 0; i < RIG_PORTS; i++) {
		close_descriptor(&rig->ports[i].sessions);
		close_descriptor(&rig->ports[i].remotes);
	}
	ring_buffer__free(rig->ring);
	push_tag__destroy(rig->tagger);
	vmseg__destroy(rig->skeleton);
	free(rig);
	return 0;
}

/* ---- ports ---------------------------------------------------------------------------------- */

struct rig_port *sibling(struct rig_port *port, int number)
{
	return &port->rig->ports[number];
}

static void add_address(struct port *record, const struct host *host)
{
	struct address_prefix *prefix = &record->addresses[record->address_count++];

	memcpy(prefix->address, host->address, ADDRESS_BYTES);
	memset(prefix->mask, 0xff, ADDRESS_BYTES);
}

void publish_port(struct rig_port *port)
{
	/* Two records a port, in turn: the one in force is never written. */
	uint32_t number = port->slot * 2 + (uint32_t)(port->published % 2);

	port->record.slot = port->slot;
	port->record.generation++;
	rig_write(port->rig->skeleton->maps.port_map, number, &port->record);
	port->published = number + 1;
}

void rewrite_port(struct rig_port *port)
{
	if (port->published)
		rig_write(port->rig->skeleton->maps.port_map, port->published - 1, &port->record);
}

void set_ifindex(struct rig_port *port, uint32_t ifindex)
{
	port->ifindex = ifindex;
}

void withdraw_port(struct rig_port *port)
{
	port->published = 0;
}

/* Makes an inner map and puts it in the port's place of the outer one; closes the last one. */
static void replace_table(struct rig_port *port, struct bpf_map *outer, int *fd, uint32_t key_size,
			  uint32_t value_size, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int table = bpf_map_create(BPF_MAP_TYPE_HASH, "rig_table", key_size, value_size, entries,
				   &options);

	must(table, bpf_map__name(outer));
	close_descriptor(fd);
	*fd = table;
	rig_write(outer, port->slot, fd);
}

void set_session_limit(struct rig_port *port, uint32_t limit)
{
	struct vmseg *skeleton = port->rig->skeleton;

	replace_table(port, skeleton->maps.session_map, &port->sessions, sizeof(struct session_key),
		      sizeof(struct session), limit);
	replace_table(port, skeleton->maps.remote_map, &port->remotes, sizeof(struct remote_key),
		      sizeof(int64_t), limit);
}

void apply_rig_settings(struct rig *rig)
{
	rig_write(rig->skeleton->maps.settings_map, 0, &rig->settings);
}

static void clear_stats(struct rig_port *port)
{
	_cleanup_free_ struct port_stats *zeros =
		calloc(libbpf_num_possible_cpus(), sizeof(struct port_stats));
	const struct port_state state = {0};

	assert_non_null(zeros);
	rig_write(port->rig->skeleton->maps.stats_map, port->slot, zeros);
	rig_write(port->rig->skeleton->maps.port_state_map, port->slot, &state);
}

static void forget_fragments(struct rig_port *port)
{
	struct bpf_map *map = port->rig->skeleton->maps.fragment_map;
	_cleanup_free_ uint8_t *zeros = calloc(1, bpf_map__value_size(map));

	assert_non_null(zeros);
	for (uint32_t i = 0; i < FRAGMENTS_PER_PORT; i++)
		rig_write(map, port->slot * FRAGMENTS_PER_PORT + i, zeros);
}

void free_images(struct rig_port *port)
{
	port->next_node = (port->slot - 1) * NODES_PER_PORT;
	port->next_counter = (port->slot - 1) * COUNTERS_PER_PORT;
}

static void reset_port(struct rig_port *port)
{
	uint32_t generation = port->record.generation;

	port->record = (struct port){
		.guards = GUARDS_ALL,
		.unconfirmed = SESSION_LIMIT / 4,
		.generation = generation,
	};
	port->ifindex = LOOPBACK_IFINDEX;
	memcpy(port->record.mac, VM->mac, MAC_BYTES);
	add_address(&port->record, VM);
	add_address(&port->record, VM6);
	add_address(&port->record, VM_LINK);
	free_images(port);
	clear_stats(port);
	forget_fragments(port);
	set_session_limit(port, SESSION_LIMIT);
	set_defaults(port, false, true);
}

int reset_rig(void **state)
{
	struct rig *rig = ((struct rig_port *)*state)->rig;
	struct event event;

	rig->settings = (struct settings){.abi = VMSEG_ABI,
					  .hz = RIG_HZ,
					  .event_rate = 1000,
					  .event_burst = 1000};
	memcpy(rig->settings.timeout, default_timeout, sizeof(default_timeout));
	apply_rig_settings(rig);
	for (int i = 0; i < RIG_PORTS; i++)
		reset_port(&rig->ports[i]);
	while (take_event(rig, &event))
		;
	*state = &rig->ports[0];
	return 0;
}

/* ---- policies ------------------------------------------------------------------------------- */

static void load_image(struct rig_port *port, const struct policy_node *nodes, uint32_t node_count,
		       uint32_t rule_counters)
{
	struct vmseg *skeleton = port->rig->skeleton;
	struct image_header header;
	uint32_t first = port->next_node;
	struct counter *zeros;

	if (first + node_count > port->slot * NODES_PER_PORT ||
	    port->next_counter + rule_counters > port->slot * COUNTERS_PER_PORT)
		fail_msg("rig: the image does not fit in the port's part of the pools");
	memcpy(&header, &nodes[0], sizeof(header));
	header.rule_base = port->next_counter;
	rig_write(skeleton->maps.policy_map, first, &header);
	for (uint32_t i = 1; i < node_count; i++)
		rig_write(skeleton->maps.policy_map, first + i, &nodes[i]);

	zeros = calloc(libbpf_num_possible_cpus(), sizeof(*zeros));
	assert_non_null(zeros);
	for (uint32_t i = 0; i < rule_counters; i++)
		rig_write(skeleton->maps.rule_stats_map, port->next_counter + i, zeros);
	free(zeros);

	port->rule_base = port->next_counter;
	port->next_node += node_count;
	port->next_counter += rule_counters;
	port->record.image = first;
	publish_port(port);
}

void set_defaults(struct rig_port *port, bool allow_in, bool allow_out)
{
	/* One row, a column per direction; node 1 holds the two verdicts. */
	const struct image_header header = {
		.node_count = 2,
		.rule_count = 1,
		.row_root = {CELL_LEAF, CELL_LEAF},
		.column_root = {[DIRECTION_IN] = CELL_LEAF | 0, [DIRECTION_OUT] = CELL_LEAF | 1},
		.source_root = CELL_LEAF,
		.column_count = 2,
		.source_count = 1,
		.verdict_node = 1,
		.row_count = 1,
	};
	struct policy_node nodes[2] = {0};

	memcpy(&nodes[0], &header, sizeof(header));
	nodes[1].cell[0] = allow_in ? VERDICT_ALLOW : 0;
	nodes[1].cell[1] = allow_out ? VERDICT_ALLOW : 0;
	load_image(port, nodes, ARRAY_SIZE(nodes), 1);
}

void set_image(struct rig_port *port, const struct image *image)
{
	load_image(port, image->nodes, image->node_count, image->rule_count + 1);
}

void break_image(struct rig_port *port)
{
	const struct policy_node nothing = {0};

	load_image(port, &nothing, 1, 1);
}
