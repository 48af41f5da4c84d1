// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a packet costs in the programs themselves: BPF_PROG_TEST_RUN, one line per case, nanoseconds
 * per packet over an empty program that is measured in turn with it. walker.bpf.c makes another
 * flow's packet each time; so "1,000 flows" are warm caches and "1,000,000" are cold ones.
 *
 * Test runs are a lower bound of what a real device shows. Every case counts that each of its
 * packets met the reason that it claims to measure.
 *
 * FLOWS=n leaves out what has more flows (1,000,000 need about 600 MB of memory).
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/queries/names.h"
#include "tests/bench/walk.h"
#include "tests/bench/walker.skel.h"
#include "tests/harness/rig.h"
#include "tests/harness/rig_internal.h"
#include "tests/harness/test.h"
#include "vmseg.skel.h"

#define ROUNDS   25
#define PACKETS  20000 /* a round's, about two milliseconds: most are not interrupted */
#define TCP_PORT 80

/* Slots beyond the rig's own. */
#define MANY_PORTS      1000
#define FIRST_MANY_SLOT (RIG_PORTS + 1)

#define TARGET_EMPTY RIG_PROGRAM_COUNT

struct bench {
	struct rig_port *port;
	struct rig_port *many; /* MANY_PORTS */
	struct walker *walker;
	struct walk *walk; /* the walker's own variable */
};

/* ---- the walker ----------------------------------------------------------------------------- */

static void close_walker(struct bench *bench)
{
	walker__destroy(bench->walker);
	bench->walker = NULL;
}

/* One with an empty table for so many sessions. */
static void renew_walker(struct bench *bench, uint32_t bare_sessions)
{
	struct bpf_map *index = bench->port->rig->skeleton->maps.port_index;
	int fd;

	close_walker(bench);
	bench->walker = walker__open();
	assert_non_null(bench->walker);
	bpf_map__set_max_entries(bench->walker->maps.bare_table, bare_sessions);
	assert_int_equal(bpf_map__reuse_fd(bench->walker->maps.port_index, bpf_map__fd(index)), 0);
	assert_int_equal(walker__load(bench->walker), 0);
	bench->walk = &bench->walker->data->walk;
	for (uint32_t i = 0; i < RIG_PROGRAM_COUNT; i++) {
		fd = rig_program(bench->port->rig, (enum rig_program)i);
		rig_write(bench->walker->maps.targets, i, &fd);
	}
	fd = bpf_program__fd(bench->walker->progs.empty);
	rig_write(bench->walker->maps.targets, TARGET_EMPTY, &fd);
}

/* ---- running -------------------------------------------------------------------------------- */

/* Nanoseconds per packet as the kernel measures them. */
static double run_walker(int program, const struct packet *packet, uint32_t packets)
{
	struct __sk_buff context = {.ifindex = LOOPBACK_IFINDEX};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = (int)packets);
	int result = bpf_prog_test_run_opts(program, &options);

	if (result)
		fail_msg("BPF_PROG_TEST_RUN: %s", strerror(-result));
	if (options.retval == TC_ACT_STOLEN)
		fail_msg("the walk did not come to its end");
	return options.duration;
}

/* Where a flow's numbers stand in a frame; the walk writes the local port, or, where the packets
 * are to one local port, the remote's. */
static void aim_walk(struct bench *bench, enum direction direction, const struct packet *packet,
		     bool to_one_port)
{
	bool v6 = packet->bytes[14] >> 4 == 6, out = direction == DIRECTION_OUT;
	uint32_t addresses = v6 ? 14 + 8 : 14 + 12, size = v6 ? 16 : 4;
	uint32_t ports = v6 ? 14 + 40 : 14 + 20;

	bench->walk->remote_at = addresses + (out ? 2 : 1) * size - 2;
	bench->walk->port_at = ports + (out == to_one_port ? 2 : 0);
}

static void set_walk(struct bench *bench, uint32_t first, uint32_t flows)
{
	bench->walk->first = first;
	bench->walk->flows = flows;
	bench->walk->next = 0;
	/* About the golden section of the flows, and prime to every number of them used here. */
	bench->walk->stride = flows > 1000 ? 611953 % flows : 1;
}

/* Of the ports that are walked. */
static uint64_t count_reason(struct bench *bench, enum direction direction, enum reason reason)
{
	uint32_t ports = bench->walk->ports;
	uint32_t first = ports ? FIRST_MANY_SLOT : bench->port->slot;
	uint32_t end = first + (ports ? ports : 1);
	struct port_stats stats;
	uint64_t sum = 0;

	for (uint32_t slot = first; slot < end; slot++) {
		read_rig_stats(bench->port->rig, slot, &stats);
		sum += stats.by_reason[direction][reason].packets;
	}
	return sum;
}

/* Runs packets through a program, all of which must meet the reason. */
static double run_case(struct bench *bench, enum direction direction, const struct packet *packet,
		       enum reason reason, uint32_t packets)
{
	uint64_t before = count_reason(bench, direction, reason), met;
	double time;

	bench->walk->target = direction;
	time = run_walker(bpf_program__fd(bench->walker->progs.walk_flows), packet, packets);
	met = count_reason(bench, direction, reason) - before;
	if (met != packets)
		fail_msg("of %u packets %llu met the reason %s", packets, (unsigned long long)met,
			 reason_name(reason));
	return time;
}

static double run_floor(struct bench *bench, const struct packet *packet, uint32_t packets)
{
	bench->walk->target = TARGET_EMPTY;
	return run_walker(bpf_program__fd(bench->walker->progs.walk_flows), packet, packets);
}

/* ---- figures -------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The case and its floor by turns: `over` is the median of the rounds' differences. */
static void print_figures(const char *name, double *floors, double *totals, uint32_t rounds)
{
	double over[ROUNDS];

	for (uint32_t i = 0; i < rounds; i++)
		over[i] = totals[i] - floors[i];
	qsort(floors, rounds, sizeof(*floors), compare_doubles);
	qsort(totals, rounds, sizeof(*totals), compare_doubles);
	qsort(over, rounds, sizeof(*over), compare_doubles);
	printf("%-52s %8.1f %8.1f %8.1f %8.1f %8.1f\n", name, floors[rounds / 2],
	       totals[rounds / 2], over[0], over[rounds / 2], over[rounds - 1]);
	fflush(stdout);
}

static void print_header(void)
{
	printf("%-52s %8s %8s %8s %8s %8s\n", "ns per packet", "floor", "total", "over min",
	       "median", "max");
}

/* Packets of `flows` flows again and again. */
static void measure(struct bench *bench, const char *name, enum direction direction,
		    const struct packet *packet, enum reason reason, uint32_t flows)
{
	double floors[ROUNDS], totals[ROUNDS];

	set_walk(bench, 0, flows);
	run_case(bench, direction, packet, reason, flows < PACKETS ? PACKETS : flows);
	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = run_floor(bench, packet, PACKETS);
		totals[i] = run_case(bench, direction, packet, reason, PACKETS);
	}
	print_figures(name, floors, totals, ROUNDS);
}

/* Flows that have not been seen, a round's in a table that holds so many sessions. */
static double run_new(struct bench *bench, const struct packet *packet, uint32_t round,
		      uint32_t sessions)
{
	uint32_t first = round * PACKETS % sessions;

	if (first == 0)
		set_session_limit(bench->port, sessions);
	set_walk(bench, first, PACKETS);
	return run_case(bench, DIRECTION_OUT, packet, REASON_NEW, PACKETS);
}

/* Each flow's first packet: what it costs depends on the size of the table, and on whether that
 * and what is put into it are in the caches. */
static void measure_new(struct bench *bench, const char *protocol, const struct packet *packet,
			uint32_t sessions)
{
	double floors[ROUNDS], totals[ROUNDS];
	char name[64];

	aim_walk(bench, DIRECTION_OUT, packet, false);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		set_walk(bench, 0, PACKETS);
		floors[i] = run_floor(bench, packet, PACKETS);
		totals[i] = run_new(bench, packet, i, sessions);
	}
	snprintf(name, sizeof(name), "new session, %s, table of %u", protocol, sessions);
	print_figures(name, floors, totals, ROUNDS);
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void open_flows(struct bench *bench, const struct host *vm, const struct host *remote,
		       uint32_t flows)
{
	const struct packet syn = tcp(vm, remote, 0, TCP_PORT, SYN, .sequence = 100);
	const struct packet answer =
		tcp(remote, vm, TCP_PORT, 0, SYN | ACK, .sequence = 500, .acknowledgment = 101);
	const struct packet ack =
		tcp(vm, remote, 0, TCP_PORT, ACK, .sequence = 101, .acknowledgment = 501);

	set_walk(bench, 0, flows);
	aim_walk(bench, DIRECTION_OUT, &syn, false);
	run_case(bench, DIRECTION_OUT, &syn, REASON_NEW, flows);
	aim_walk(bench, DIRECTION_IN, &answer, false);
	run_case(bench, DIRECTION_IN, &answer, REASON_ESTABLISHED, flows);
	aim_walk(bench, DIRECTION_OUT, &ack, false);
	run_case(bench, DIRECTION_OUT, &ack, REASON_ESTABLISHED, flows);
}

static void bench_segments(struct bench *bench, const char *family, const struct host *vm,
			   const struct host *remote, uint32_t flows)
{
	const struct packet out = tcp(vm, remote, 0, TCP_PORT, ACK, .sequence = 101,
				      .acknowledgment = 501, .payload = 10);
	const struct packet in = tcp(remote, vm, TCP_PORT, 0, ACK, .sequence = 501,
				     .acknowledgment = 101, .payload = 10);
	char name[64];

	open_flows(bench, vm, remote, flows);
	snprintf(name, sizeof(name), "established TCP, %s out, %u flows", family, flows);
	aim_walk(bench, DIRECTION_OUT, &out, false);
	measure(bench, name, DIRECTION_OUT, &out, REASON_ESTABLISHED, flows);
	snprintf(name, sizeof(name), "established TCP, %s in, %u flows", family, flows);
	aim_walk(bench, DIRECTION_IN, &in, false);
	measure(bench, name, DIRECTION_IN, &in, REASON_ESTABLISHED, flows);
}

static void bench_datagrams(struct bench *bench, uint32_t flows)
{
	const struct packet out = udp(VM, WEB, 0, 53, .payload = 10);
	const struct packet in = udp(WEB, VM, 53, 0, .payload = 10);
	char name[64];

	set_walk(bench, 0, flows);
	aim_walk(bench, DIRECTION_OUT, &out, false);
	run_case(bench, DIRECTION_OUT, &out, REASON_NEW, flows);
	snprintf(name, sizeof(name), "unanswered UDP, IPv4 out, %u flows", flows);
	measure(bench, name, DIRECTION_OUT, &out, REASON_ESTABLISHED, flows);
	aim_walk(bench, DIRECTION_IN, &in, false);
	snprintf(name, sizeof(name), "established UDP, IPv4 in, %u flows", flows);
	measure(bench, name, DIRECTION_IN, &in, REASON_ESTABLISHED, flows);
}

static void bench_established(struct bench *bench, uint32_t flows)
{
	set_session_limit(bench->port, 2 * flows);
	bench_segments(bench, "IPv4", VM, WEB, flows);
	bench_segments(bench, "IPv6", VM6, WEB6, flows);
	set_session_limit(bench->port, flows);
	bench_datagrams(bench, flows);
}

/* Ports like the rig's first, in the slots beyond the rig's own. */
static void add_many_ports(struct bench *bench, uint32_t flows)
{
	for (uint32_t i = 0; i < MANY_PORTS; i++) {
		struct rig_port *port = &bench->many[i];

		*port = (struct rig_port){.rig = bench->port->rig,
					  .slot = FIRST_MANY_SLOT + i,
					  .record = bench->port->record,
					  .sessions = -1,
					  .remotes = -1};
		set_session_limit(port, flows);
		publish_port(port);
	}
	bench->walk->record = FIRST_MANY_SLOT * 2;
}

/* The loopback device is the rig's first port's again. */
static void remove_many_ports(struct bench *bench)
{
	bench->walk->ports = 0;
	rig_write(bench->port->rig->skeleton->maps.port_index, LOOPBACK_IFINDEX,
		  &bench->port->published);
	for (uint32_t i = 0; i < MANY_PORTS; i++) {
		close_descriptor(&bench->many[i].sessions);
		close_descriptor(&bench->many[i].remotes);
	}
}

/* As many flows however many ports share them. */
static void bench_ports(struct bench *bench, uint32_t ports)
{
	const struct packet out = tcp(VM, WEB, 0, TCP_PORT, ACK, .sequence = 101,
				      .acknowledgment = 501, .payload = 10);
	char name[64];

	add_many_ports(bench, 1000);
	bench->walk->ports = ports;
	open_flows(bench, VM, WEB, 1000);
	snprintf(name, sizeof(name), "established TCP, IPv4 out, 1000 flows of %u port%s", ports,
		 ports == 1 ? "" : "s");
	aim_walk(bench, DIRECTION_OUT, &out, false);
	measure(bench, name, DIRECTION_OUT, &out, REASON_ESTABLISHED, 1000);
	remove_many_ports(bench);
}

/* The programs of the walker that touch nothing but a table like a port's. */
static void bench_bare(struct bench *bench, uint32_t flows)
{
	const struct packet packet = tcp(VM, WEB, 0, TCP_PORT, ACK);
	double floors[ROUNDS], totals[ROUNDS];
	int empty, look_up;
	char name[64];

	renew_walker(bench, flows);
	empty = bpf_program__fd(bench->walker->progs.empty);
	look_up = bpf_program__fd(bench->walker->progs.look_up_bare);
	set_walk(bench, 0, flows);
	run_walker(bpf_program__fd(bench->walker->progs.insert_bare), &packet, flows);
	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = run_walker(empty, &packet, PACKETS);
		totals[i] = run_walker(look_up, &packet, PACKETS);
	}
	snprintf(name, sizeof(name), "bare hash look-up, %u of %u flows", flows, flows);
	print_figures(name, floors, totals, ROUNDS);
}

static void bench_bare_insert(struct bench *bench, uint32_t sessions)
{
	const struct packet packet = tcp(VM, WEB, 0, TCP_PORT, ACK);
	double floors[ROUNDS], totals[ROUNDS];
	char name[64];

	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i * PACKETS % sessions == 0)
			renew_walker(bench, sessions);
		floors[i] =
			run_walker(bpf_program__fd(bench->walker->progs.empty), &packet, PACKETS);
		set_walk(bench, i * PACKETS % sessions, PACKETS);
		totals[i] = run_walker(bpf_program__fd(bench->walker->progs.insert_bare), &packet,
				       PACKETS);
	}
	snprintf(name, sizeof(name), "bare hash insert, table of %u", sessions);
	print_figures(name, floors, totals, ROUNDS);
}

static void bench_new(struct bench *bench, uint32_t sessions)
{
	const struct packet syn = tcp(VM, WEB, 0, TCP_PORT, SYN, .sequence = 100);
	const struct packet datagram = udp(VM, WEB, 0, 53);

	bench_bare_insert(bench, sessions);
	measure_new(bench, "TCP", &syn, sessions);
	measure_new(bench, "UDP", &datagram, sessions);
}

static void bench_limit(struct bench *bench)
{
	const struct packet first = udp(VM, WEB, 9, 53);
	const struct packet others = udp(VM, WEB, 0, 53);

	set_session_limit(bench->port, 1);
	run_frame(bench->port, DIRECTION_OUT, &first);
	aim_walk(bench, DIRECTION_OUT, &others, false);
	measure(bench, "session limit, 1000 flows", DIRECTION_OUT, &others, REASON_SESSION_LIMIT,
		1000);
}

static void set_event_rate(struct bench *bench, uint32_t rate)
{
	bench->port->rig->settings.event_rate = rate;
	bench->port->rig->settings.event_burst = rate;
	apply_rig_settings(bench->port->rig);
}

static void bench_guard(struct bench *bench)
{
	struct packet packet = tcp(VM, WEB, 0, TCP_PORT, ACK);

	packet.bytes[6] ^= 2; /* the source MAC */
	aim_walk(bench, DIRECTION_OUT, &packet, false);
	measure(bench, "guard drop, 1000 flows", DIRECTION_OUT, &packet, REASON_GUARD_MAC, 1000);
	/* The few that are sent are lost in the crowd of those that are only counted. */
	set_event_rate(bench, 1000);
	measure(bench, "guard drop, 1000 flows, 1000 events/s", DIRECTION_OUT, &packet,
		REASON_GUARD_MAC, 1000);
	set_event_rate(bench, 0);
}

/* Rules that the packet does not match, each with a prefix of its own and one of 200 services. */
static void set_many_rules(struct rig_port *port, unsigned int rules)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (unsigned int i = 0; i < rules; i++)
		fprintf(stream,
			"<rule direction=\"in\" action=\"allow\"><remote cidr=\"172.16.%u.%u/32\"/>"
			"<tcp port=\"%u\"/></rule>",
			i / 250, i % 250, 1000 + i % 200);
	fclose(stream);
	set_policy(port, text);
}

static void bench_denied(struct bench *bench, unsigned int rules)
{
	const struct packet packet = tcp(INTRUDER, VM, 0, 22, SYN);
	char name[64];

	set_many_rules(bench->port, rules);
	aim_walk(bench, DIRECTION_IN, &packet, true);
	snprintf(name, sizeof(name), "denied, %u rules, 1000 flows", rules);
	measure(bench, name, DIRECTION_IN, &packet, REASON_POLICY, 1000);
}

/* ---- setting up ----------------------------------------------------------------------------- */

static void open_bench(struct bench *bench)
{
	const struct packet packet = tcp(VM, WEB, 0, TCP_PORT, SYN);
	void *state = NULL;

	if (open_rig_for(&state, RIG_PORTS + MANY_PORTS) || reset_rig(&state))
		fail_msg("no rig");
	bench->port = state;
	run_frame(bench->port, DIRECTION_OUT, &packet); /* makes the port the loopback device's */
	bench->many = calloc(MANY_PORTS, sizeof(*bench->many));
	assert_non_null(bench->many);
}

static void close_bench(struct bench *bench)
{
	void *state = bench->port;

	close_walker(bench);
	free(bench->many);
	close_rig(&state);
}

int main(void)
{
	static const uint32_t sizes[] = {1, 1000, 100000, 1000000};
	const char *text = getenv("FLOWS");
	uint32_t most = text && *text ? (uint32_t)strtoul(text, NULL, 10) : 1000000;
	struct bench bench = {0};

	open_bench(&bench);
	set_defaults(bench.port, false, true);
	set_event_rate(&bench, 0);
	print_header();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] <= most; i++) {
		bench_bare(&bench, sizes[i]);
		bench_established(&bench, sizes[i]);
	}
	bench_ports(&bench, 1);
	bench_ports(&bench, 100);
	bench_ports(&bench, MANY_PORTS);
	bench_new(&bench, PACKETS);
	bench_new(&bench, ROUNDS * PACKETS);
	bench_limit(&bench);
	bench_guard(&bench);
	bench_denied(&bench, 10);
	bench_denied(&bench, 100);
	bench_denied(&bench, 1000);
	bench_denied(&bench, 10000);
	close_bench(&bench);
	return EXIT_SUCCESS;
}
