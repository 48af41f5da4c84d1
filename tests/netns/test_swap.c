/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thousand swaps under numbered traffic in both directions: what both policies allow loses no
 * frame, and of what the new one forbids none passes that is sent after the swap has returned.
 */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/names.h"
#include "hostd/datapath/queries/port_stats.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

#define SWAPS 1000

/* Frames under way at a time: the receiving socket has room for them, so that it loses none. */
#define WINDOW 64

/* Frames of each kind that are sent right after a swap. */
#define AFTER_SWAP 8

/* Nothing has come for so long: something is lost. */
#define PATIENCE_MS 30000

enum kind { ALLOWED, FORBIDDEN, KIND_COUNT };

static const uint16_t ports[KIND_COUNT] = {[ALLOWED] = 7000, [FORBIDDEN] = 8000};

#define ALLOW(port)                                                                                \
	"<rule direction='inout' action='allow'><udp port='" port "'/></rule>"                     \
	"<rule direction='in' action='deny'><tcp port='" port "'/></rule>"
#define STRICT  "<default in='deny' out='deny'/>" ALLOW("7000")
#define LENIENT "<default in='deny' out='deny'/>" ALLOW("8000") ALLOW("7000")

/* Phase n begins when swap number n has returned; odd swaps are to the strict policy. */
#define LAST_PHASE UINT32_MAX

/* What one thread sends and receives in one direction. */
struct stream {
	enum direction direction;
	int from, to;
	const atomic_uint *phase;
	atomic_uint answered; /* the last phase whose frames are all through or lost */
	uint32_t sent[KIND_COUNT], received[KIND_COUNT];
	uint32_t next[KIND_COUNT];    /* no earlier number may come any more */
	uint32_t forbidden_from;      /* numbers that must not come */
	uint32_t breaches, reordered; /* such that have come; such that came late or twice */
	uint32_t revived;             /* phases in which what was forbidden passed again */
	bool stuck;
};

/* ---- frames --------------------------------------------------------------------------------- */

struct number {
	uint32_t kind, number;
};

/* Most are of some sessions that live through all swaps, every 16th opens one. */
static uint16_t choose_port(enum kind kind, uint32_t number)
{
	if (kind == FORBIDDEN)
		return 30000;
	return (uint16_t)(number % 16 ? 40000 + number % 61 : 1024 + number / 16 % 28000);
}

static struct packet make_frame(const struct stream *stream, enum kind kind, uint32_t number)
{
	bool v6 = number % 2;
	const struct host *vm = v6 ? VM6 : VM, *web = v6 ? WEB6 : WEB;
	struct number content = {kind, number};
	struct packet frame =
		udp(stream->direction == OUT ? vm : web, stream->direction == OUT ? web : vm,
		    choose_port(kind, number), ports[kind], .payload = sizeof(content));

	memcpy(frame.bytes + frame.transport + sizeof(struct udphdr), &content, sizeof(content));
	return frame;
}

static bool read_frame(const uint8_t *bytes, size_t size, struct number *ret)
{
	const struct ether_header *ethernet = (const struct ether_header *)bytes;
	size_t network = ethernet->ether_type == htons(ETHERTYPE_IPV6) ? sizeof(struct ip6_hdr)
								       : sizeof(struct iphdr);
	size_t headers = sizeof(*ethernet) + network + sizeof(struct udphdr);

	if (size != headers + sizeof(*ret))
		return false;
	memcpy(ret, bytes + headers, sizeof(*ret));
	return ret->kind < KIND_COUNT;
}

/* ---- one stream ----------------------------------------------------------------------------- */

static void note_frame(struct stream *stream, const struct number *frame)
{
	stream->received[frame->kind]++;
	if (frame->number < stream->next[frame->kind])
		stream->reordered++;
	stream->next[frame->kind] = frame->number + 1;
	if (frame->kind == FORBIDDEN && frame->number >= stream->forbidden_from)
		stream->breaches++;
}

static void receive_frames(struct stream *stream)
{
	uint8_t bytes[256];
	struct number frame;
	ssize_t size;

	while ((size = recv(stream->to, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0)
		if (read_frame(bytes, (size_t)size, &frame))
			note_frame(stream, &frame);
}

static uint32_t under_way(const struct stream *stream)
{
	return stream->sent[ALLOWED] - stream->received[ALLOWED];
}

/* Until no more than so many allowed frames are under way. */
static void await_frames(struct stream *stream, uint32_t most)
{
	struct pollfd polled = {.fd = stream->to, .events = POLLIN};

	receive_frames(stream);
	while (under_way(stream) > most && !stream->stuck) {
		if (poll(&polled, 1, PATIENCE_MS) == 0)
			stream->stuck = true;
		receive_frames(stream);
	}
}

static void send_frame(struct stream *stream, enum kind kind)
{
	struct packet frame = make_frame(stream, kind, stream->sent[kind]);

	if (send(stream->from, frame.bytes, frame.length, 0) != frame.length)
		stream->stuck = true;
	stream->sent[kind]++;
}

static void send_both(struct stream *stream)
{
	send_frame(stream, FORBIDDEN);
	send_frame(stream, ALLOWED);
	await_frames(stream, WINDOW);
}

/* The thread stays on its CPU, so frames are judged in their order: when the last allowed one has
 * come, every forbidden one before it has come or will not. */
static void answer_phase(struct stream *stream, unsigned int phase)
{
	uint32_t before = stream->received[FORBIDDEN];

	if (phase % 2)
		stream->forbidden_from = stream->sent[FORBIDDEN];
	else
		before = stream->sent[FORBIDDEN];
	for (int i = 0; i < AFTER_SWAP; i++)
		send_both(stream);
	await_frames(stream, 0);
	if (phase % 2 == 0)
		stream->revived += stream->next[FORBIDDEN] == before + AFTER_SWAP;
	stream->forbidden_from = LAST_PHASE;
	atomic_store(&stream->answered, phase);
}

static void stay_on_one_cpu(enum direction direction)
{
	cpu_set_t allowed, chosen;
	int left = (int)direction + 1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	CPU_ZERO(&chosen);
	for (int cpu = 0; left && cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&chosen);
		CPU_SET(cpu, &chosen);
		left--;
	}
	sched_setaffinity(0, sizeof(chosen), &chosen);
}

static void *run_stream(void *data)
{
	struct stream *stream = data;
	unsigned int answered = 0, phase;

	stay_on_one_cpu(stream->direction);
	while (!stream->stuck && (phase = atomic_load(stream->phase)) != LAST_PHASE) {
		if (phase != answered)
			answer_phase(stream, phase);
		else
			send_both(stream); /* while the next swap is made */
		answered = phase;
	}
	await_frames(stream, 0);
	atomic_store(&stream->answered, LAST_PHASE);
	return NULL;
}

/* ---- the test ------------------------------------------------------------------------------- */

static void await_answer(struct stream *stream, unsigned int phase)
{
	unsigned int answered;

	/* A stream that is stuck says so by itself, and ends. */
	while ((answered = atomic_load(&stream->answered)) != phase && answered != LAST_PHASE)
		usleep(100);
}

static void check_stream(const struct netns *netns, const struct stream *stream)
{
	struct port_stats stats;

	print_message("%s: %u of %u allowed frames, %u of %u others\n",
		      stream->direction == OUT ? "out" : "in", stream->received[ALLOWED],
		      stream->sent[ALLOWED], stream->received[FORBIDDEN], stream->sent[FORBIDDEN]);
	assert_int_equal(stream->received[ALLOWED], stream->sent[ALLOWED]);
	assert_int_equal(stream->breaches, 0);
	assert_int_equal(stream->reordered, 0);
	assert_false(stream->stuck);
	/* What is forbidden by turns is allowed by turns, too: the test can see it pass. */
	assert_int_equal(stream->revived, SWAPS / 2);
	assert_int_equal(read_port_stats(netns->datapath, netns->tap, &stats), 0);
	for (uint8_t reason = 0; reason < REASON_COUNT; reason++) {
		if (reason_passes(reason) || reason == REASON_POLICY || reason == REASON_REVOKED)
			continue;
		if (stats.by_reason[stream->direction][reason].packets)
			fail_msg("dropped: %s", reason_name(reason));
	}
	assert_true(stats.by_reason[stream->direction][REASON_POLICY].packets > 0);
	assert_true(stats.by_reason[stream->direction][REASON_REVOKED].packets > 0);
}

static void swap(struct netns *netns, const struct image *image)
{
	if (update_port(netns->datapath, netns->tap, &netns->port, image, &netns->diag) < 0)
		fail_msg("update_port: %s", netns->diag.error.text);
}

static void swaps_lose_nothing_and_take_effect(void **state)
{
	struct netns *netns = *state;
	struct policy_case strict;
	atomic_uint phase = 0;
	struct stream streams[2] = {
		{.direction = IN, .from = netns->net, .to = netns->vm},
		{.direction = OUT, .from = netns->vm, .to = netns->net},
	};
	pthread_t threads[2];

	open_case(&strict);
	compile_case(&strict, STRICT);
	set_netns_policy(netns, LENIENT);
	netns->port.limits[LIMIT_SESSIONS] = 200000;
	attach_tap(netns);
	for (size_t i = 0; i < 2; i++) {
		streams[i].phase = &phase;
		streams[i].forbidden_from = LAST_PHASE;
		assert_int_equal(pthread_create(&threads[i], NULL, run_stream, &streams[i]), 0);
	}
	for (unsigned int i = 1; i <= SWAPS; i++) {
		swap(netns, i % 2 ? strict.image : netns->policy.image);
		atomic_store(&phase, i);
		await_answer(&streams[0], i);
		await_answer(&streams[1], i);
	}
	atomic_store(&phase, LAST_PHASE);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < 2; i++)
		check_stream(netns, &streams[i]);
	close_case(&strict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(swaps_lose_nothing_and_take_effect, make_netns,
						drop_netns),
	};

	return run_netns_tests(tests);
}
