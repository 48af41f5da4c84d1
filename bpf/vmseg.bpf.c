// SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause)
/*
 * vmseg.bpf.c - the two TC programs of every port, and their dry-run twins. Read from the bottom:
 * the entry points, then filter(), then judge_frame(), which takes a packet through all steps.
 * Every step returns UNDECIDED, or the reason that decides about the packet; conclude() turns the
 * reason into counters, an event and the verdict.
 *
 * `direction` and `dry` are constants in each of the four programs, so everything below is inlined
 * and folded per program: the hot path makes no call but the helpers'.
 */
#include <linux/pkt_cls.h>

#include "bpf/expire.h"
#include "bpf/fast_path.h"
#include "bpf/fragment.h"
#include "bpf/guard.h"
#include "bpf/judge.h"
#include "bpf/neighbor.h"
#include "bpf/parse_packet.h"
#include "bpf/parsed_packet.h"
#include "bpf/port.h"
#include "bpf/settings_map.h"
#include "bpf/stats.h"

/* Bit n: reason n lets the packet pass. */
#define PASS 1ULL
#define DROP 0ULL
static const __u64 passing_reasons = 0
#define REASON(identifier, name, verdict, policy, help) | verdict << REASON_##identifier
#include "bpf/all_reasons.def"
#undef REASON
	;
#undef PASS
#undef DROP

static __always_inline int passes(__u32 reason)
{
	return passing_reasons >> (reason & 63) & 1;
}

/* ---- the decision is made -------------------------------------------------------------------- */

/* Policy denials are everyday: they are reported where the rule says log="yes". Sessions likewise.
 * Everything else that drops is worth an event. */
static __always_inline int is_reported(__u32 reason, __u32 verdict, int audited)
{
	if (reason == REASON_POLICY || reason == REASON_NEW || reason == REASON_PICKED_UP)
		return !!(verdict & VERDICT_LOG);
	if (reason == REASON_REVOKED) /* end_session() has reported it; an audit ends none */
		return audited;
	return !passes(reason);
}

/* TCX_NEXT and TC_ACT_UNSPEC are the same number: programs and filters after us get their say. */
static __always_inline int conclude(enum direction direction, const struct port *port,
				    struct packet *pkt, const struct judgement *judgement)
{
	int pass = passes(pkt->reason);
	int audited = !pass && (port->flags & PORT_AUDIT);

	count_packet(port->slot, direction, pkt->reason, pkt->length, audited);
	if (judgement->settings->event_rate &&
	    is_reported(pkt->reason, judgement->verdict, audited)) {
		pkt->event_kind = pass ? EVENT_NEW : EVENT_DENIED;
		pkt->event_reason = pkt->reason;
		pkt->event_direction = direction;
		pkt->event_audit = audited;
		pkt->event_verdict = judgement->verdict;
		send_event(pkt->scratch);
	}
	return pass || audited ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* ---- from the first byte to the decision ----------------------------------------------------- */

static __always_inline int judge_ip(struct __sk_buff *skb, enum direction direction,
				    struct judgement *judgement, struct packet *pkt, int dry)
{
	const struct port *port = judgement->port;
	int reason;

	if (pkt->ethertype == ETH_P_IP)
		reason = parse_ipv4(skb, direction, pkt);
	else
		reason = parse_ipv6(skb, direction, pkt);
	if (reason == UNDECIDED && pkt->fragment != FRAGMENT_LATER)
		reason = parse_transport(skb, direction, pkt);
	if (reason != UNDECIDED)
		return reason;
	if (overwrites_header(pkt, judgement->pending_checksum))
		return REASON_BAD_HEADER;

	if (direction == DIRECTION_OUT) {
		reason = guard_sender(port, pkt);
		if (reason != UNDECIDED)
			return reason;
	}
	if (pkt->fragment == FRAGMENT_LATER || pkt->icmp_class >= ICMP_CLASS_ERROR ||
	    pkt->key.protocol == IPPROTO_IGMP)
		reason = judge_sessionless(skb, direction, judgement, pkt, dry);
	if (reason == UNDECIDED)
		reason = judge_session(skb, direction, judgement, pkt, dry);
	if (pkt->fragment == FRAGMENT_FIRST && passes(reason) && !dry)
		remember_fragment(port, pkt, direction);
	return reason;
}

static __always_inline int judge_frame(struct __sk_buff *skb, enum direction direction,
				       struct judgement *judgement, struct packet *pkt, int dry)
{
	const struct port *port = judgement->port;
	__s32 pending = judgement->pending_checksum;
	int reason = parse_ethernet(skb, pkt);

	if (reason == UNDECIDED)
		reason = guard_vlan(port, pkt);
	if (reason == UNDECIDED && direction == DIRECTION_OUT)
		reason = guard_mac(port, pkt);
	if (reason != UNDECIDED)
		return reason;

	switch (pkt->ethertype) {
	case ETH_P_IP:
	case ETH_P_IPV6:
		return judge_ip(skb, direction, judgement, pkt, dry);
	case ETH_P_ARP:
	case ETH_P_RARP:
		if (pending)
			return REASON_BAD_HEADER;
		return judge_arp(skb, direction, port, pkt);
	default:
		if (pending && pending < (__s32)pkt->network)
			return REASON_BAD_HEADER;
		return port->guards & GUARD_OTHER_ETHERTYPES ? REASON_GUARD_OTHER_ETHERTYPES
							     : REASON_OTHER_ETHERTYPES;
	}
}

static __always_inline void answer_dry_run(struct __sk_buff *skb, const struct judgement *judgement,
					   __u32 reason)
{
	skb->cb[DRY_RUN_REASON] = reason;
	skb->cb[DRY_RUN_VERDICT] = judgement->verdict;
	skb->cb[DRY_RUN_FLAGS] = judgement->has_session ? DRY_RUN_HAS_SESSION : 0;
	skb->cb[DRY_RUN_SLOT] = judgement->port ? judgement->port->slot : 0;
	skb->cb[DRY_RUN_GENERATION] = judgement->port ? judgement->port->generation : 0;
}

static __always_inline int filter(struct __sk_buff *skb, enum direction direction, int dry)
{
	struct judgement judgement = {.settings = find_settings()};
	struct packet *pkt;
	__u32 record;

	if (!judgement.settings)
		return TC_ACT_SHOT;
	/* No record gives number -1, which is beyond the map. */
	record = find_record(skb->ifindex) - 1;
	judgement.port = find_port(record);
	if (!judgement.port) {
		if (dry)
			answer_dry_run(skb, &judgement, REASON_NO_PORT);
		else
			count_packet(0, direction, REASON_NO_PORT, skb->len, 0);
		return TC_ACT_SHOT;
	}
	judgement.table = find_session_table(judgement.port->slot);
	if (!dry)
		judgement.pending_checksum = find_pending_checksum(skb);
	if (!dry && judgement.table && take_fast_path(skb, direction, &judgement))
		return TC_ACT_UNSPEC;

	pkt = start_packet(skb, direction, PACKET_OUTER, dry);
	if (!pkt)
		return TC_ACT_SHOT;
	pkt->record = record;
	make_headers_linear(skb);
	if (judgement.port->flags & PORT_QUARANTINE)
		pkt->reason = REASON_QUARANTINE;
	else if (judgement.table)
		pkt->reason = judge_frame(skb, direction, &judgement, pkt, dry);
	else
		pkt->reason = REASON_IMAGE;
	if (dry) {
		answer_dry_run(skb, &judgement, pkt->reason);
		return passes(pkt->reason) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	}
	return conclude(direction, judgement.port, pkt, &judgement);
}

/* ---- entry points ---------------------------------------------------------------------------- */

/* What the guest sends: ingress of its tap. */
SEC("tc")
int from_vm(struct __sk_buff *skb)
{
	return filter(skb, DIRECTION_OUT, 0);
}

/* What the guest receives: egress of its tap. */
SEC("tc")
int to_vm(struct __sk_buff *skb)
{
	return filter(skb, DIRECTION_IN, 0);
}

/* For BPF_PROG_TEST_RUN only: the same judgement, nothing written, the answer in skb->cb. */
SEC("tc")
int dry_from_vm(struct __sk_buff *skb)
{
	return filter(skb, DIRECTION_OUT, 1);
}

SEC("tc")
int dry_to_vm(struct __sk_buff *skb)
{
	return filter(skb, DIRECTION_IN, 1);
}

/* For BPF_PROG_TEST_RUN only: see struct expire_batch in abi.h. */
SEC("tc")
int expire_sessions(struct __sk_buff *skb)
{
	return expire_batch(skb);
}

/* The clock that sessions are stamped with, for the daemon: BPF_PROG_TEST_RUN's return value. */
SEC("tc")
int read_clock(struct __sk_buff *skb __attribute__((unused)))
{
	return (__u32)bpf_jiffies64();
}

char _license[] SEC("license") = "Dual BSD/GPL";
