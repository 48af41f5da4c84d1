/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * expire.h - ending what has run out. The daemon walks the tables and names candidates; whether one
 * is over is decided here, beside the packets: user space could only read and then delete, and a
 * packet that came in between would lose its session.
 */
#ifndef VMSEG_BPF_EXPIRE_H
#define VMSEG_BPF_EXPIRE_H

#include "bpf/session.h"

/* Ends the session under the key of scratch packet `which` if it has run out. Returns how many have
 * been ended: 0 or 1. A global function: checked by the verifier once, not for each of a batch. */
__noinline int expire_session(__u32 which)
{
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);
	struct judgement judgement = {.settings = find_settings()};
	struct session *session;

	if (!pkt || !judgement.settings)
		return 0;
	judgement.port = find_port(pkt->record);
	if (!judgement.port)
		return 0;
	judgement.table = find_session_table(judgement.port->slot);
	if (!judgement.table)
		return 0;
	session = bpf_map_lookup_elem(judgement.table, &pkt->key);
	if (!session || !is_expired(session, pkt->now, judgement.settings))
		return 0;
	return end_over_session(&judgement, pkt, session);
}

/* See struct expire_batch in abi.h. */
static __always_inline int expire_batch(struct __sk_buff *skb)
{
	struct packet *pkt = start_packet(skb, 0, PACKET_EXPIRING, 0);
	__u32 count = skb->cb[EXPIRE_COUNT];
	struct session_key *key;
	int ended = 0;

	if (!pkt)
		return 0;
	pkt->record = skb->cb[EXPIRE_RECORD];
	pkt->tcp.flags = 0; /* no segment is here that would succeed or reset a session */
	for (__u32 i = 0; i < EXPIRE_BATCH_KEYS && i < count; i++) {
		key = read_at(skb, __builtin_offsetof(struct expire_batch, key) + i * sizeof(*key),
			      sizeof(*key));
		if (!key)
			break;
		pkt->key = *key;
		ended += expire_session(pkt->scratch);
	}
	return ended;
}

#endif
