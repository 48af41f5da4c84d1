// SPDX-License-Identifier: GPL-2.0-or-later
/* Sequence numbers of both ends of a TCP connection. */
#include <netinet/in.h>

#include "tests/harness/conversation.h"

/* Far from each other and, for one side, close to the wrap-around. */
#define LOCAL_INITIAL  1000000U
#define REMOTE_INITIAL 0xfffff000U

struct conversation conversation(struct rig_port *port, const struct host *local,
				 uint16_t local_port, const struct host *remote,
				 uint16_t remote_port)
{
	return (struct conversation){
		.port = port,
		.local = local,
		.remote = remote,
		.local_port = local_port,
		.remote_port = remote_port,
		.key = session_between(local, local_port, remote, remote_port, IPPROTO_TCP),
		.next = {[OUT] = LOCAL_INITIAL, [IN] = REMOTE_INITIAL},
	};
}

struct packet build_segment(const struct conversation *c, enum direction direction,
			    const struct tcp_fields *fields)
{
	struct tcp_fields filled = *fields;

	filled.sequence += c->next[direction];
	if (fields->flags & ACK)
		filled.acknowledgment += c->next[!direction];
	if (direction == OUT)
		return build_tcp(c->local, c->remote, c->local_port, c->remote_port, &filled);
	return build_tcp(c->remote, c->local, c->remote_port, c->local_port, &filled);
}

void advance(struct conversation *c, enum direction direction, uint8_t flags, size_t payload)
{
	c->next[direction] += payload + !!(flags & SYN) + !!(flags & FIN);
}

void say_segment(struct conversation *c, enum direction direction, uint8_t flags, size_t payload,
		 enum reason reason, struct test_line where)
{
	check_frame(c->port, direction, next_segment(c, direction, flags, .payload = payload),
		    OUTCOME_PASS, reason, where);
	advance(c, direction, flags, payload);
}

void open_conversation(struct conversation *c, enum direction opener, struct test_line where)
{
	enum direction answerer = !opener;

	say_segment(c, opener, SYN, 0, REASON_NEW, where);
	say_segment(c, answerer, SYN | ACK, 0, REASON_ESTABLISHED, where);
	say_segment(c, opener, ACK, 0, REASON_ESTABLISHED, where);
}

void close_conversation(struct conversation *c, enum direction closer, struct test_line where)
{
	enum direction answerer = !closer;

	say_segment(c, closer, FIN | ACK, 0, REASON_ESTABLISHED, where);
	say_segment(c, answerer, ACK, 0, REASON_ESTABLISHED, where);
	say_segment(c, answerer, FIN | ACK, 0, REASON_ESTABLISHED, where);
	say_segment(c, closer, ACK, 0, REASON_ESTABLISHED, where);
}
