/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * event.h - telling the daemon. Paced per port; what is not sent is counted, and a full ring loses
 * the event, never the packet.
 */
#ifndef VMSEG_BPF_EVENT_H
#define VMSEG_BPF_EVENT_H

#include "bpf/limit.h"
#include "bpf/table.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* bytes; set at load */
} event_ring SEC(".maps");

/* Sends the event that scratch packet `which` describes in its event_* fields. A session that ends
 * must still be in its table: its totals go along. A global function: checked by the verifier once,
 * not on each of the paths that lead here. */
__noinline int send_event(__u32 which)
{
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);
	const struct settings *settings = find_settings();
	const struct session *ended = NULL;
	const struct port *port;
	struct port_state *state;
	struct event *event;

	if (!pkt || !settings)
		return 0;
	port = find_port(pkt->record);
	if (!port)
		return 0;
	state = find_port_state(port->slot);
	if (!state)
		return 0;
	if (!within_pace(&state->event_due, settings->event_rate, settings->event_burst,
			 settings->hz)) {
		__sync_fetch_and_add(&state->events_suppressed, 1);
		return 0;
	}
	if (pkt->event_kind == EVENT_ENDED)
		ended = look_up_session(port->slot, &pkt->key);
	event = bpf_ringbuf_reserve(&event_ring, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&state->events_suppressed, 1);
		return 0;
	}
	event->time = bpf_ktime_get_ns();
	event->kind = pkt->event_kind;
	event->slot = port->slot;
	event->generation = port->generation;
	event->reason = pkt->event_reason;
	event->direction = pkt->event_direction;
	event->audit = pkt->event_audit;
	event->tcp_flags = pkt->tcp.flags;
	event->verdict = pkt->event_verdict;
	event->suppressed = (__u32)state->events_suppressed;
	event->ethertype = bpf_htons(pkt->ethertype);
	event->length = pkt->length > 0xffff ? 0xffff : pkt->length;
	__builtin_memcpy(event->source_mac, pkt->source_mac, ETH_ALEN);
	event->reserved = 0;
	event->key = pkt->key;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		event->total[i].packets = ended ? ended->packets[i] : 0;
		event->total[i].bytes = ended ? ended->bytes[i] : 0;
	}
	bpf_ringbuf_submit(event, 0);
	return 1;
}

#endif
