// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * differential COUNT [options]: the same sequences between two pairs of real stacks, one pair with
 * nothing between and one with filtered ports (lane.h says where). Each sequence ends somehow at
 * both ends; how it ends must not depend on the ports.
 *
 *   --seed N       default: a new one, printed
 *   --first N      number of the first sequence (0)
 *   --repeat N     runs of each sequence (1)
 *   --parallel N   sequences at once (400)
 *   --trace        shows every segment
 *
 * Stacks have timers, so one sequence need not end in the same way twice. Where the lanes end
 * differently, both run again, two dozen times and more. It is a fault if the filtered lane fails
 * so much more often than the plain one that chance does not explain it: in one sequence, or in the
 * first runs of all. Prints a line per sequence that varies and a summary; exits with 1 if there is
 * a fault.
 */
#include "tests/stacks/differential.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/tools/clock.h"

#define TICK_MS   20
#define PER_ROUND 256 /* frames that are taken from a wire before the ends are looked after */

static const char *const lane_names[LANES] = {"plain", "filtered"};

/* ---- frames --------------------------------------------------------------------------------- */

static struct talk *find_talk(struct differential *d, int lane, uint32_t run)
{
	return run < d->runs_max && d->runs[run] ? &d->runs[run]->talk[lane] : NULL;
}

static void send_frame(int wire, const struct frame *frame)
{
	if (send(wire, frame->bytes, frame->length, 0) < 0 && errno != ENOBUFS)
		err(2, "a wire takes no frame");
}

static void deliver_to_stack(void *context, enum side to, const struct frame *frame)
{
	struct talk *talk = context;

	send_frame(talk->lane->wires[to], frame);
}

static void take_frame(struct differential *d, int lane, enum side from, struct frame *frame)
{
	struct segment_view view;
	struct talk *talk;

	if (!view_segment(frame, &view))
		return;
	fill_checksum(frame);
	talk = find_talk(d, lane, run_of_segment(&view, from));
	if (!talk || talk->over) {
		send_frame(d->lanes[lane].wires[!from], frame);
		return;
	}
	take_segment(&talk->wire, from, frame, &view);
	if (!talk->is_dirty) {
		talk->is_dirty = true;
		d->dirty[d->dirty_count++] = talk;
	}
}

static void drain_wire(struct differential *d, int lane, enum side from)
{
	for (int i = 0; i < PER_ROUND; i++) {
		struct frame frame;
		ssize_t size = recv(d->lanes[lane].wires[from], frame.bytes, sizeof(frame.bytes),
				    MSG_DONTWAIT);

		if (size < 0)
			return;
		frame.length = (uint16_t)size;
		take_frame(d, lane, from, &frame);
	}
}

static void accept_from(struct differential *d, int lane, uint32_t service, bool ipv6)
{
	uint16_t port;
	int fd;

	while ((fd = accept_stack_socket(&d->lanes[lane], service, ipv6, &port)) >= 0) {
		struct talk *talk = find_talk(d, lane, run_of_peer(service, port));

		if (talk)
			accept_talk(talk, fd);
		else
			close(fd);
	}
}

static void accept_connections(struct differential *d, int lane)
{
	for (uint32_t i = 0; i < d->services; i++) {
		accept_from(d, lane, i, false);
		accept_from(d, lane, i, true);
	}
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void begin_run(struct differential *d, uint64_t number, struct verdict *verdict)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run || d->next_run >= d->runs_max)
		errx(2, "no room for more runs");
	run->number = number;
	run->verdict = verdict;
	run->id = d->next_run++;
	make_plan(d->seed, number, &run->plan);
	for (int lane = 0; lane < LANES; lane++) {
		struct talk *talk = &run->talk[lane];

		start_talk(talk, &d->lanes[lane], &run->plan, run->id);
		talk->wire.trace = d->trace;
		talk->wire.deliver = deliver_to_stack;
		talk->wire.context = talk;
	}
	d->runs[run->id] = run;
	d->active[d->active_count++] = run;
}

static bool is_run_over(const struct run *run)
{
	return run->talk[0].over && run->talk[1].over;
}

static void end_run(struct differential *d, struct run *run)
{
	note_run(d, run);
	d->runs[run->id] = NULL;
	free(run);
}

static void begin_what_may(struct differential *d)
{
	while (d->active_count < d->parallel) {
		struct verdict *again = next_repetition(d);

		if (again) {
			begin_run(d, again->number, again);
		} else if (d->begun < d->count * d->repeat) {
			begin_run(d, d->first + d->begun / d->repeat, NULL);
			d->begun++;
		} else {
			return;
		}
	}
}

static void advance_dirty(struct differential *d, long now)
{
	for (size_t i = 0; i < d->dirty_count; i++) {
		d->dirty[i]->is_dirty = false;
		advance_talk(d->dirty[i], now);
	}
	d->dirty_count = 0;
}

static void tick(struct differential *d, long now)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->active_count; i++) {
		struct run *run = d->active[i];

		for (int lane = 0; lane < LANES; lane++) {
			if (!run->talk[lane].over && !run->talk[lane].wire.cut)
				tick_wire(&run->talk[lane].wire);
			advance_talk(&run->talk[lane], now);
		}
		if (is_run_over(run))
			end_run(d, run);
		else
			d->active[kept++] = run;
	}
	d->active_count = kept;
}

static void wait_for_frames(struct differential *d)
{
	struct pollfd ready[2 * LANES];

	for (int i = 0; i < 2 * LANES; i++)
		ready[i] = (struct pollfd){.fd = d->lanes[i / 2].wires[i % 2], .events = POLLIN};
	poll(ready, 2 * LANES, TICK_MS / 2);
}

static void run_all(struct differential *d)
{
	long last_tick = 0;

	for (;;) {
		long now = now_ms();

		for (int lane = 0; lane < LANES; lane++) {
			drain_wire(d, lane, LEFT);
			drain_wire(d, lane, RIGHT);
			accept_connections(d, lane);
		}
		advance_dirty(d, now);
		if (now - last_tick >= TICK_MS) {
			tick(d, now);
			last_tick = now;
			begin_what_may(d);
			if (!d->active_count)
				return;
		}
		wait_for_frames(d);
	}
}

/* ---- the program ---------------------------------------------------------------------------- */

static void parse_options(int argc, char **argv, struct differential *d)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"first", required_argument, NULL, 'f'},
		{"repeat", required_argument, NULL, 'r'},
		{"parallel", required_argument, NULL, 'p'},
		{"trace", no_argument, NULL, 't'},
		{0},
	};
	int option;

	if (getrandom(&d->seed, sizeof(d->seed), 0) < 0)
		err(2, "getrandom");
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			d->seed = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			d->first = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			d->repeat = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			d->parallel = strtoull(optarg, NULL, 0);
			break;
		case 't':
			d->trace = true;
			break;
		default:
			exit(2);
		}
	}
	if (optind + 1 != argc)
		errx(2, "usage: differential COUNT [options]");
	d->count = strtoull(argv[optind], NULL, 0);
}

static void allow_sockets(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(2, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(2, "setrlimit");
}

int main(int argc, char **argv)
{
	static struct differential d = {.repeat = 1, .parallel = 400};

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse_options(argc, argv, &d);
	allow_sockets();
	d.runs_max = (uint32_t)(d.count * d.repeat * 2 + 100000);
	d.services = d.runs_max / CLIENT_PORTS + 1;
	d.runs = calloc(d.runs_max, sizeof(*d.runs));
	d.active = calloc(d.parallel, sizeof(*d.active));
	d.dirty = calloc(d.parallel * LANES, sizeof(struct talk *));
	if (!d.runs || !d.active || !d.dirty)
		err(2, "calloc");
	printf("seed 0x%" PRIx64 "\n", d.seed);
	for (int lane = 0; lane < LANES; lane++)
		open_lane(lane_names[lane], d.services, &d.lanes[lane]);
	run_all(&d);
	return summarize(&d);
}
