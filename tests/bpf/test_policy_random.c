/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random policies, from their XML to the loaded program, against a plain first-match judgement:
 * program and rules must agree on every packet.
 */
#include "hostd/datapath/queries/names.h"
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>
#include <string.h>

#include "hostd/policy/write/print.h"
#include "tests/harness/world.h"

#define WORLDS  40
#define QUERIES 1000

static struct random random_state;

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_UDPLITE;
}

static bool is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* The packet that opens what the query asks about. */
static struct packet packet_of(const struct policy_query *query)
{
	struct host remote = {.mac = {0x52, 0x54, 0, 0, 0, 0x99}};
	const struct host *local, *from, *to;

	memcpy(remote.address, query->remote, ADDRESS_BYTES);
	local = is_host_v4(&remote) ? VM : VM6;
	from = query->direction == OUT ? local : &remote;
	to = query->direction == OUT ? &remote : local;
	switch (query->protocol) {
	case IPPROTO_TCP:
		return tcp(from, to, query->source_port, query->port, SYN);
	case IPPROTO_UDP:
		return udp(from, to, query->source_port, query->port);
	case IPPROTO_UDPLITE:
		return udp(from, to, query->source_port, query->port, .lite = true);
	case IPPROTO_SCTP:
		return sctp(from, to, query->source_port, query->port, SCTP_INIT);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp(from, to, query->port >> 8, query->port & 0xff);
	default:
		return ip(from, to, query->protocol, 40);
	}
}

/* Whether a packet of this kind comes before the policy at all. Membership messages, neighbor
 * discovery, ICMP replies and errors do not, nor do IPv6 extension headers (which are no
 * protocols), nor what belongs to the other family. */
static bool reaches_policy(const struct policy_query *query)
{
	bool v4 = is_ipv4(query->remote);
	uint8_t type = query->port >> 8;

	switch (query->protocol) {
	case IPPROTO_ICMP:
		return v4 && (type == 8 || type == 13 || type == 15 || type == 17 || type == 42);
	case IPPROTO_ICMPV6:
		return !v4 && (type == 128 || type == 160);
	case IPPROTO_IGMP:
		return false;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return v4;
	default:
		return true;
	}
}

static struct policy_query next_query(const struct world *world, const struct policy_case *policy)
{
	struct policy_query query = make_world_query(&random_state, world, policy);

	if (!has_ports(query.protocol) && !is_icmp(query.protocol))
		query.port = 0;
	if (!has_ports(query.protocol))
		query.source_port = 0;
	return query;
}

static void report(const struct world *world, const struct policy_query *query,
		   const struct dry_run *dry, uint32_t expected)
{
	char text[PREFIX_TEXT_BYTES];

	if (world->mandatory)
		print_policy(world->mandatory, stderr);
	print_domain_policy(world->domain, stderr);
	for (size_t i = 0; i < WORLD_POLICIES; i++)
		print_policy(world->policies[i], stderr);
	for (size_t i = 0; i < WORLD_SETS; i++)
		print_address_set(world->sets[i], stderr);
	fail_msg("direction %u, remote %s, protocol %u, port %u, source port %u: %s 0x%x, not 0x%x",
		 query->direction, format_address(query->remote, text), query->protocol,
		 query->port, query->source_port, reason_name(dry->reason), dry->verdict, expected);
}

/* True when the packet reached the policy and a rule, not the default, decided. */
static bool compare(struct rig_port *port, const struct world *world,
		    const struct policy_case *policy)
{
	struct policy_query query = next_query(world, policy);
	struct packet packet = packet_of(&query);
	uint32_t expected = judge_world(world, policy, &query);
	struct dry_run dry;

	if (!reaches_policy(&query))
		return false;
	dry = dry_run_frame(port, query.direction, &packet);
	if (dry.verdict != expected ||
	    dry.reason != (expected & VERDICT_ALLOW ? REASON_NEW : REASON_POLICY))
		report(world, &query, &dry, expected);
	return expected & VERDICT_RULE_MASK;
}

static void programs_judge_as_the_rules_say(void **state)
{
	unsigned int worlds = random_rounds(WORLDS), by_rule = 0;

	for (unsigned int i = 0; i < worlds; i++) {
		struct rig_port *port;
		struct policy_case policy;
		struct world world;

		reset_rig(state);
		port = *state;
		port->record.guards = 0; /* the remotes are of every kind */
		open_case(&policy);
		make_world(&random_state, &policy, &world);
		build_world(&world, &policy);
		set_image(port, policy.image);
		for (unsigned int j = 0; j < QUERIES; j++)
			by_rule += compare(port, &world, &policy);
		free_world(&world);
		close_case(&policy);
	}
	/* Packets that no rule knows would prove little. */
	assert_true(by_rule > worlds * QUERIES / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(programs_judge_as_the_rules_say),
	};

	random_state = start_random();
	return run_rig_tests(tests);
}
