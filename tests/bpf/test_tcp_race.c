// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both directions of a connection at once, on two CPUs: what one direction's segment has moved must
 * not be undone by the other's, or the answer to it is dropped.
 */
#include "tests/bpf/bpf_test.h"

#include <linux/pkt_cls.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define SEGMENTS      150000
#define SEGMENT_BYTES 100
#define IN_FLIGHT_MAX 20000 /* less than the window that is offered */

struct stream {
	struct conversation conversation; /* after the handshake */
	_Atomic uint32_t sent;            /* bytes that the remote side has sent */
	_Atomic uint32_t acknowledged;
	uint32_t acks_dropped;
};

/* The VM, which acknowledges all that it has. */
static void *acknowledge(void *argument)
{
	struct stream *stream = argument;
	const uint32_t all = SEGMENTS * SEGMENT_BYTES;
	uint32_t sent = 0;

	while (sent < all) {
		struct packet ack;

		sent = stream->sent;
		ack = next_segment(&stream->conversation, OUT, ACK, .acknowledgment = sent);
		if (run_frame(stream->conversation.port, OUT, &ack) != TC_ACT_UNSPEC)
			stream->acks_dropped++;
		stream->acknowledged = sent;
	}
	return NULL;
}

/* The remote side, which sends as long as the window lets it. Returns how many were dropped. */
static uint32_t send_stream(struct stream *stream)
{
	uint32_t dropped = 0;

	for (uint32_t sent = 0; sent < SEGMENTS * SEGMENT_BYTES; sent += SEGMENT_BYTES) {
		struct packet data = next_segment(&stream->conversation, IN, ACK, .sequence = sent,
						  .payload = SEGMENT_BYTES);

		while (sent - stream->acknowledged > IN_FLIGHT_MAX)
			sched_yield();
		if (run_frame(stream->conversation.port, IN, &data) != TC_ACT_UNSPEC)
			dropped++;
		stream->sent = sent + SEGMENT_BYTES;
	}
	return dropped;
}

static void directions_do_not_undo_each_other(void **state)
{
	struct stream stream = {.conversation = conversation(*state, VM, 40000, WEB, 80)};
	uint32_t dropped;
	pthread_t vm;

	opens(&stream.conversation, OUT);
	assert_int_equal(pthread_create(&vm, NULL, acknowledge, &stream), 0);
	dropped = send_stream(&stream);
	assert_int_equal(pthread_join(vm, NULL), 0);
	assert_int_equal(dropped, 0);
	assert_int_equal(stream.acks_dropped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(directions_do_not_undo_each_other),
	};

	return run_rig_tests(tests);
}
