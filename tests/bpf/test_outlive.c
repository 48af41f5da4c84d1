/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which sessions outlive a change of policy, as the daemon foresees it and as the programs then
 * judge: random policies, sessions of every protocol and both directions.
 */
#include "hostd/datapath/queries/names.h"
#include "hostd/datapath/queries/session_query.h"
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>
#include <string.h>

#include "tests/harness/world.h"

#define WORLDS   40
#define SESSIONS 60
#define ECHO_ID  7

static struct random random_state;

/* A session, and the packet that opened it. */
struct opening {
	struct session_key key;
	struct packet packet;
	enum direction direction;
};

static bool is_query(const struct policy_query *query)
{
	uint8_t type = query->port >> 8;

	if (query->protocol == IPPROTO_ICMP)
		return is_ipv4(query->remote) && (type == 8 || type == 13);
	return !is_ipv4(query->remote) && type == 128;
}

/* False for what opens no session. */
static bool make_opening(const struct policy_query *query, struct opening *ret)
{
	struct host remote = {.mac = {0x52, 0x54, 0, 0, 0, 0x99}};
	bool out = query->direction == OUT;
	uint16_t near = out ? query->source_port : query->port;
	uint16_t far = out ? query->port : query->source_port;
	const struct host *local, *from, *to;

	memcpy(remote.address, query->remote, ADDRESS_BYTES);
	local = is_host_v4(&remote) ? VM : VM6;
	from = out ? local : &remote;
	to = out ? &remote : local;
	switch (query->protocol) {
	case IPPROTO_TCP:
		ret->packet = tcp(from, to, query->source_port, query->port, SYN);
		break;
	case IPPROTO_UDP:
		ret->packet = udp(from, to, query->source_port, query->port);
		break;
	case IPPROTO_SCTP:
		ret->packet = sctp(from, to, query->source_port, query->port, SCTP_INIT);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (!is_query(query))
			return false;
		ret->packet = icmp(from, to, query->port >> 8, query->port & 0xff, .id = ECHO_ID);
		near = out ? ECHO_ID : query->port >> 8;
		far = out ? query->port >> 8 : ECHO_ID;
		break;
	case IPPROTO_GRE:
		ret->packet = ip(from, to, query->protocol, 40);
		near = far = 0;
		break;
	default:
		return false;
	}
	ret->key = session_between(local, near, &remote, far, query->protocol);
	ret->direction = query->direction;
	return true;
}

/* Opens sessions that the world's policy allows; returns how many. */
static size_t open_sessions(struct rig_port *port, const struct world *world,
			    const struct policy_case *policy,
			    struct opening openings[static SESSIONS])
{
	size_t count = 0;

	for (unsigned int tries = 0; count < SESSIONS && tries < 20 * SESSIONS; tries++) {
		struct policy_query query = make_world_query(&random_state, world, policy);
		struct opening *opening = &openings[count];
		struct session session;

		if (!make_opening(&query, opening) || find_session(port, &opening->key, &session) ||
		    dry_run_frame(port, query.direction, &opening->packet).reason != REASON_NEW)
			continue;
		run_frame(port, query.direction, &opening->packet);
		/* What goes to a group has a key of its own. */
		count += find_session(port, &opening->key, &session);
	}
	return count;
}

struct tally {
	size_t kept, cut, by_keeping;
};

/* `image` is in force now, the session's own verdict is of the one before. */
static void compare(struct rig_port *port, const struct opening *opening, const struct image *image,
		    struct tally *tally)
{
	struct session session;
	struct dry_run dry;
	uint32_t verdict;
	bool outlives;

	assert_true(find_session(port, &opening->key, &session));
	outlives = outlives_image(&opening->key, &session, image, &verdict);
	dry = dry_run_frame(port, opening->direction, &opening->packet);
	if (dry.reason != (outlives ? REASON_ESTABLISHED : REASON_REVOKED))
		fail_msg("protocol %u, opened %s: foreseen 0x%x, judged %s 0x%x",
			 opening->key.protocol, opening->direction == OUT ? "out" : "in", verdict,
			 reason_name(dry.reason), dry.verdict);
	assert_int_equal(dry.verdict, verdict);
	tally->kept += outlives;
	tally->cut += !outlives;
	tally->by_keeping += outlives && !(verdict & VERDICT_ALLOW);
}

static void what_is_foreseen_comes(void **state)
{
	unsigned int worlds = random_rounds(WORLDS);
	struct tally tally = {0};

	for (unsigned int i = 0; i < worlds; i++) {
		struct opening openings[SESSIONS];
		struct policy_case before, after;
		struct world old_world, new_world;
		struct rig_port *port;
		size_t count;

		reset_rig(state);
		port = *state;
		port->record.guards = 0; /* the remotes are of every kind */
		open_case(&before);
		open_case(&after);
		make_world(&random_state, &before, &old_world);
		make_world(&random_state, &after, &new_world);
		build_world(&old_world, &before);
		build_world(&new_world, &after);
		set_image(port, before.image);
		count = open_sessions(port, &old_world, &before, openings);
		set_image(port, after.image);
		for (size_t j = 0; j < count; j++)
			compare(port, &openings[j], after.image, &tally);
		free_world(&old_world);
		free_world(&new_world);
		close_case(&before);
		close_case(&after);
	}
	/* Each outcome is worth little without the others. */
	assert_true(tally.kept > worlds && tally.cut > worlds && tally.by_keeping > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(what_is_foreseen_comes),
	};

	random_state = start_random();
	return run_rig_tests(tests);
}
