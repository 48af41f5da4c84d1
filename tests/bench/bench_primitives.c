/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the pieces cost that the datapath is made of: nanoseconds over an empty program that is
 * measured in turn with it, on warm data. A design that uses a piece once more costs that much.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "bpf/abi.h"
#include "hostd/base/cleanup.h"
#include "tests/bench/primitives.skel.h"

#define ROUNDS      25
#define REPEATS     50000
#define TRIE_ROUTES 1000
#define FRAME_BYTES 64

static double run(int program)
{
	/* Ethernet, IPv4, TCP: enough for who reads headers. */
	static const uint8_t frame[FRAME_BYTES] = {[12] = 0x08, [14] = 0x45, [23] = 6};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = REPEATS);
	int r = bpf_prog_test_run_opts(program, &options);

	if (r < 0 || options.retval != TC_ACT_OK) {
		fprintf(stderr, "BPF_PROG_TEST_RUN: %s, verdict %u\n", strerror(-r),
			options.retval);
		exit(EXIT_FAILURE);
	}
	return options.duration;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int ignore_record(void *context, void *data, size_t size)
{
	return 0;
}

static void measure(const char *name, const struct bpf_program *program,
		    const struct bpf_program *empty, struct ring_buffer *ring)
{
	double floors[ROUNDS], totals[ROUNDS], over[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = run(bpf_program__fd(empty));
		totals[i] = run(bpf_program__fd(program));
		ring_buffer__consume(ring);
		over[i] = totals[i] - floors[i];
	}
	qsort(floors, ROUNDS, sizeof(*floors), compare_doubles);
	qsort(totals, ROUNDS, sizeof(*totals), compare_doubles);
	qsort(over, ROUNDS, sizeof(*over), compare_doubles);
	printf("%-40s %8.1f %8.1f %8.1f %8.1f %8.1f\n", name, floors[ROUNDS / 2],
	       totals[ROUNDS / 2], over[0], over[ROUNDS / 2], over[ROUNDS - 1]);
}

static int put(const struct bpf_map *map, const void *key, const void *value)
{
	return bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY);
}

/* What the programs look up, and some more beside it. */
static int fill_maps(const struct primitives *skeleton)
{
	uint32_t index, zero = 0, empty = (uint32_t)bpf_program__fd(skeleton->progs.empty);
	uint64_t value = 1;
	int r = put(skeleton->maps.targets, &zero, &empty);

	for (index = 0; r == 0 && index < 1024; index++)
		r = put(skeleton->maps.hash_4, &index, &value);
	if (r == 0)
		r = put(skeleton->maps.hash_session, &skeleton->bss->key,
			&skeleton->bss->new_session);
	for (uint32_t i = 0; r == 0 && i < TRIE_ROUTES; i++) {
		const uint32_t route[2] = {24, htonl(i << 8)};

		r = put(skeleton->maps.trie, route, &value);
	}
	return r;
}

int main(void)
{
	struct primitives *skeleton = primitives__open_and_load();
	const struct bpf_program *empty;
	struct ring_buffer *ring;
	int r;

	if (!skeleton) {
		fprintf(stderr, "cannot load the programs: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	r = fill_maps(skeleton);
	if (r < 0) {
		fprintf(stderr, "cannot fill the maps: %s\n", strerror(-r));
		primitives__destroy(skeleton);
		return EXIT_FAILURE;
	}
	ring = ring_buffer__new(bpf_map__fd(skeleton->maps.ring), ignore_record, NULL, NULL);
	if (!ring) {
		fprintf(stderr, "cannot read the ring: %s\n", strerror(errno));
		primitives__destroy(skeleton);
		return EXIT_FAILURE;
	}
	empty = skeleton->progs.empty;
	printf("%-40s %8s %8s %8s %8s %8s\n", "ns per piece", "floor", "total", "over min",
	       "median", "max");
	measure("clock by bpf_jiffies64", skeleton->progs.clock_jiffies, empty, ring);
	measure("clock by bpf_ktime_get_ns", skeleton->progs.clock_ktime, empty, ring);
	measure("random number", skeleton->progs.random_number, empty, ring);
	measure("headers read directly", skeleton->progs.read_headers, empty, ring);
	measure("headers by bpf_skb_load_bytes", skeleton->progs.load_bytes, empty, ring);
	measure("array look-up", skeleton->progs.array_look_up, empty, ring);
	measure("per-CPU counter", skeleton->progs.per_cpu_count, empty, ring);
	measure("hash look-up, 4-byte key", skeleton->progs.hash_look_up_4, empty, ring);
	measure("hash look-up, session", skeleton->progs.hash_look_up_session, empty, ring);
	measure("session inserted and deleted", skeleton->progs.hash_insert_and_delete, empty,
		ring);
	measure("LPM trie look-up, 1,000 prefixes", skeleton->progs.trie_look_up, empty, ring);
	measure("tail call", skeleton->progs.tail_call, empty, ring);
	measure("function call", skeleton->progs.function_call, empty, ring);
	measure("ring record, without a wake-up", skeleton->progs.ring_record, empty, ring);
	ring_buffer__free(ring);
	primitives__destroy(skeleton);
	return EXIT_SUCCESS;
}
