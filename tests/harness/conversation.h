/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP connection as its two ends see it: keeps the sequence numbers, so that a test names only
 * what is special about a segment.
 *
 *   struct conversation c = conversation(port, VM, 40000, WEB, 80);
 *   says(&c, OUT, SYN, NEW);
 *   says(&c, IN, SYN | ACK, ESTABLISHED);
 *   says(&c, OUT, ACK, ESTABLISHED);
 */
#ifndef VMSEG_TEST_CONVERSATION_H
#define VMSEG_TEST_CONVERSATION_H

#include "tests/harness/expect.h"

struct conversation {
	struct rig_port *port;
	const struct host *local, *remote;
	uint16_t local_port, remote_port;
	struct session_key key;
	uint32_t next[2]; /* next sequence number of the sender, by direction */
};

struct conversation conversation(struct rig_port *port, const struct host *local,
				 uint16_t local_port, const struct host *remote,
				 uint16_t remote_port);

/* The segment that the sender sends next: in sequence, and (with ACK) acknowledging all that the
 * other side has sent. Nothing is sent yet. */
#define next_segment(c, direction, tcp_flags, ...)                                                 \
	build_segment((c), (direction), &(struct tcp_fields){.flags = (tcp_flags), ##__VA_ARGS__})
struct packet build_segment(const struct conversation *c, enum direction direction,
			    const struct tcp_fields *fields);

/* The sequence space that a segment takes is now behind the sender. */
void advance(struct conversation *c, enum direction direction, uint8_t flags, size_t payload);

/* Sends the next segment, which must pass for the reason given. */
#define says(c, direction, tcp_flags, reason) says_bytes(c, direction, tcp_flags, 0, reason)
#define says_bytes(c, direction, tcp_flags, bytes, reason)                                         \
	say_segment((c), (direction), (tcp_flags), (bytes), REASON_##reason, HERE)
void say_segment(struct conversation *c, enum direction direction, uint8_t flags, size_t payload,
		 enum reason reason, struct test_line where);

/* Sends it, and it must be dropped; the connection stays where it was. */
#define says_in_vain(c, direction, tcp_flags, reason)                                              \
	expect_drop((c)->port, direction, next_segment(c, direction, tcp_flags), reason)

/* Handshake, each segment as expected. `opener` is the direction of the SYN. */
#define opens(c, opener) open_conversation((c), (opener), HERE)
void open_conversation(struct conversation *c, enum direction opener, struct test_line where);

/* FIN and ACK both ways; `closer` is the direction of the first FIN. */
#define closes(c, closer) close_conversation((c), (closer), HERE)
void close_conversation(struct conversation *c, enum direction closer, struct test_line where);

#endif
