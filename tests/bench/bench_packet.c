// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a packet costs in the programs themselves: BPF_PROG_TEST_RUN, one line per case, nanoseconds
 * per packet over an empty program in the same run.
 *
 * "warm" repeats one packet inside the kernel; "walk" is another flow for every packet, one system
 * call each (the kernel's clock reads around it are in the floor too), so caches are as cold as so
 * many flows make them. Both are lower bounds of what a real device shows. Every case first checks
 * that its packet meets the reason it claims to measure.
 *
 * FLOWS=n adds a walk over n flows (the largest that is tried by itself is 100,000).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "hostd/base/cleanup.h"
#include "tests/harness/rig.h"
#include "tests/harness/rig_internal.h"
#include "vmseg.skel.h"

#define ROUNDS       9
#define WARM_REPEATS 200000
#define WALK_PACKETS 20000
#define TCP_PORT     80

/* ---- measuring ---------------------------------------------------------------------------------
 */

/* Nanoseconds per run as the kernel measures them. */
static double time_frame(int program, const struct packet *packet, int repeats)
{
	struct __sk_buff context = {.ifindex = 1};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet->bytes,
		    .data_size_in = packet->length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = repeats);
	int result = bpf_prog_test_run_opts(program, &options);

	if (result)
		fail_msg("BPF_PROG_TEST_RUN: %s", strerror(-result));
	return options.duration;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figure {
	double min, median, max;
};

static struct figure sum_up(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return (struct figure){values[0], values[count / 2], values[count - 1]};
}

/* Another flow for every packet: makes the packet of flow n. */
typedef struct packet (*flow_packet)(uint32_t flow);

static double walk_flows(int program, flow_packet make, uint32_t first, uint32_t flows,
			 uint32_t packets)
{
	uint32_t step = 1, flow = 0;
	double total = 0;

	/* A stride that is no divisor of the number of flows visits all of them out of order. */
	if (flows > 1000)
		step = 7919;
	for (uint32_t i = 0; i < packets; i++) {
		struct packet packet = make(first + flow);

		total += time_frame(program, &packet, 1);
		flow = (flow + step) % flows;
	}
	return total / packets;
}

static void print_header(void)
{
	printf("%-34s %9s %9s %9s %9s\n", "case (ns per packet)", "min", "median", "max",
	       "over floor");
}

static void print_case(const char *name, struct figure figure, double floor)
{
	printf("%-34s %9.1f %9.1f %9.1f", name, figure.min, figure.median, figure.max);
	if (floor > 0)
		printf(" %9.1f", figure.median - floor);
	putchar('\n');
}

static double measure_warm(const char *name, int program, const struct packet *packet, double floor)
{
	double values[ROUNDS];
	struct figure figure;

	for (int i = 0; i < ROUNDS; i++)
		values[i] = time_frame(program, packet, WARM_REPEATS);
	figure = sum_up(values, ROUNDS);
	print_case(name, figure, floor);
	return figure.median;
}

/* `fresh`: every round goes on to flows that have not been seen. */
static double measure_walk(const char *name, int program, flow_packet make, uint32_t flows,
			   bool fresh, double floor)
{
	double values[ROUNDS];
	struct figure figure;

	for (uint32_t i = 0; i < ROUNDS; i++)
		values[i] = walk_flows(program, make, fresh ? i * flows : 0, flows,
				       fresh ? flows : WALK_PACKETS);
	figure = sum_up(values, ROUNDS);
	print_case(name, figure, floor);
	return figure.median;
}

/* ---- flows: numbered remotes, 50,000 local ports each
 * --------------------------------------------
 */

#define PORTS_PER_REMOTE 50000
#define FIRST_PORT       10000

static struct host remote_of_flow(const struct host *like, uint32_t flow)
{
	struct host remote = *like;
	uint32_t number = htonl(flow / PORTS_PER_REMOTE);

	/* The last two bytes of the address count. */
	memcpy(&remote.address[14], (uint8_t *)&number + 2, 2);
	return remote;
}

static uint16_t port_of_flow(uint32_t flow)
{
	return FIRST_PORT + flow % PORTS_PER_REMOTE;
}

static struct packet tcp_out(const struct host *vm, const struct host *like, uint32_t flow,
			     uint8_t flags, uint32_t sequence, uint32_t acknowledgment)
{
	struct host remote = remote_of_flow(like, flow);

	return tcp(vm, &remote, port_of_flow(flow), TCP_PORT, flags, .sequence = sequence,
		   .acknowledgment = acknowledgment);
}

static struct packet tcp_in(const struct host *vm, const struct host *like, uint32_t flow,
			    uint8_t flags, uint32_t sequence, uint32_t acknowledgment)
{
	struct host remote = remote_of_flow(like, flow);

	return tcp(&remote, vm, TCP_PORT, port_of_flow(flow), flags, .sequence = sequence,
		   .acknowledgment = acknowledgment);
}

static struct packet ack_out_v4(uint32_t flow)
{
	return tcp_out(VM, WEB, flow, ACK, 101, 501);
}

static struct packet ack_out_v6(uint32_t flow)
{
	return tcp_out(VM6, WEB6, flow, ACK, 101, 501);
}

static struct packet ack_in_v4(uint32_t flow)
{
	return tcp_in(VM, WEB, flow, ACK, 501, 101);
}

static struct packet ack_in_v6(uint32_t flow)
{
	return tcp_in(VM6, WEB6, flow, ACK, 501, 101);
}

static struct packet syn_out_v4(uint32_t flow)
{
	return tcp_out(VM, WEB, flow, SYN, 100, 0);
}

static struct packet denied_in_v4(uint32_t flow)
{
	struct host remote = remote_of_flow(INTRUDER, flow);

	return tcp(&remote, VM, port_of_flow(flow), 22, SYN);
}

/* ---- cases -------------------------------------------------------------------------------------
 */

static void must_meet(struct rig_port *port, enum direction direction, const struct packet *packet,
		      enum reason reason)
{
	struct dry_run dry = dry_run_frame(port, direction, packet);

	if (dry.reason != reason)
		fail_msg("the packet meets reason %d, not %d", dry.reason, reason);
}

static void open_flows(struct rig_port *port, uint32_t flows)
{
	struct packet packet;

	for (uint32_t flow = 0; flow < flows; flow++) {
		packet = tcp_out(VM, WEB, flow, SYN, 100, 0);
		run_frame(port, DIRECTION_OUT, &packet);
		packet = tcp_in(VM, WEB, flow, SYN | ACK, 500, 101);
		run_frame(port, DIRECTION_IN, &packet);
		packet = ack_out_v4(flow);
		run_frame(port, DIRECTION_OUT, &packet);
		packet = tcp_out(VM6, WEB6, flow, SYN, 100, 0);
		run_frame(port, DIRECTION_OUT, &packet);
		packet = tcp_in(VM6, WEB6, flow, SYN | ACK, 500, 101);
		run_frame(port, DIRECTION_IN, &packet);
		packet = ack_out_v6(flow);
		run_frame(port, DIRECTION_OUT, &packet);
	}
	packet = ack_in_v4(flows - 1);
	must_meet(port, DIRECTION_IN, &packet, REASON_ESTABLISHED);
}

struct programs {
	int floor, out, in;
	double warm_floor, walk_floor;
};

static void bench_established(struct rig_port *port, const struct programs *programs,
			      uint32_t flows)
{
	struct packet packet;
	char name[64];

	set_session_limit(port, 2 * flows + 1000);
	open_flows(port, flows);
	if (flows == 1) {
		packet = ack_out_v4(0);
		measure_warm("established v4 out, warm", programs->out, &packet,
			     programs->warm_floor);
		packet = ack_in_v4(0);
		measure_warm("established v4 in, warm", programs->in, &packet,
			     programs->warm_floor);
		packet = ack_out_v6(0);
		measure_warm("established v6 out, warm", programs->out, &packet,
			     programs->warm_floor);
		packet = ack_in_v6(0);
		measure_warm("established v6 in, warm", programs->in, &packet,
			     programs->warm_floor);
		return;
	}
	snprintf(name, sizeof(name), "established v4 out, walk %u", flows);
	measure_walk(name, programs->out, ack_out_v4, flows, false, programs->walk_floor);
	snprintf(name, sizeof(name), "established v6 in, walk %u", flows);
	measure_walk(name, programs->in, ack_in_v6, flows, false, programs->walk_floor);
}

static void bench_new(struct rig_port *port, const struct programs *programs)
{
	struct packet packet = syn_out_v4(0);

	set_session_limit(port, 1 << 20);
	must_meet(port, DIRECTION_OUT, &packet, REASON_NEW);
	measure_walk("new session, walk", programs->out, syn_out_v4, WALK_PACKETS, true,
		     programs->walk_floor);
}

static void bench_limit(struct rig_port *port, const struct programs *programs)
{
	struct packet packet = syn_out_v4(0);

	set_session_limit(port, 1);
	run_frame(port, DIRECTION_OUT, &packet);
	packet = syn_out_v4(1);
	measure_warm("session limit, warm", programs->out, &packet, programs->warm_floor);
}

static void bench_guard(struct rig_port *port, const struct programs *programs)
{
	struct packet packet = ack_out_v4(0);

	packet.bytes[6] ^= 2; /* the source MAC */
	must_meet(port, DIRECTION_OUT, &packet, REASON_GUARD_MAC);
	measure_warm("guard, warm", programs->out, &packet, programs->warm_floor);
}

/* Rules that the packet does not match, each with a prefix and a port of its own. */
static void set_many_rules(struct rig_port *port, unsigned int rules)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (unsigned int i = 0; i < rules; i++)
		fprintf(stream,
			"<rule direction=\"in\" action=\"allow\"><remote cidr=\"172.%u.%u.0/24\"/>"
			"<tcp port=\"%u\"/></rule>",
			16 + i / 250 % 16, i % 250, 1000 + i % 200);
	fclose(stream);
	set_policy(port, text);
}

static void bench_denied(struct rig_port *port, const struct programs *programs, unsigned int rules)
{
	struct packet packet = denied_in_v4(0);
	char name[64];

	set_many_rules(port, rules);
	must_meet(port, DIRECTION_IN, &packet, REASON_POLICY);
	snprintf(name, sizeof(name), "denied, %u rules, warm", rules);
	measure_warm(name, programs->in, &packet, programs->warm_floor);
}

int main(void)
{
	const char *extra = getenv("FLOWS");
	struct programs programs;
	struct rig_port *port;
	struct packet packet;
	void *state = NULL;

	if (open_rig(&state) || reset_rig(&state))
		return EXIT_FAILURE;
	port = state;
	programs.floor = bpf_program__fd(port->rig->skeleton->progs.read_clock);
	programs.out = rig_program(port->rig, RIG_FROM_VM);
	programs.in = rig_program(port->rig, RIG_TO_VM);
	set_defaults(port, false, true);
	packet = ack_out_v4(0);
	run_frame(port, DIRECTION_OUT, &packet); /* makes the port the loopback device's */

	print_header();
	programs.warm_floor = measure_warm("empty program, warm", programs.floor, &packet, 0);
	programs.walk_floor = measure_walk("empty program, walk 1000", programs.floor, ack_out_v4,
					   1000, false, 0);
	bench_established(port, &programs, 1);
	bench_established(port, &programs, 1000);
	bench_established(port, &programs, 100000);
	if (extra && *extra)
		bench_established(port, &programs, (uint32_t)strtoul(extra, NULL, 10));
	bench_new(port, &programs);
	bench_limit(port, &programs);
	bench_guard(port, &programs);
	bench_denied(port, &programs, 10);
	bench_denied(port, &programs, 1000);
	close_rig(&state);
	return EXIT_SUCCESS;
}
