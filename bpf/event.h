/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * event.h - telling the daemon. Paced per port; what is not sent is counted, and a full ring loses
 * the event, never the packet.
 */
#ifndef VMSEG_BPF_EVENT_H
#define VMSEG_BPF_EVENT_H

#include "bpf/limit.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* bytes; set at load */
} event_ring SEC(".maps");

struct report {
	__u8 kind; /* enum event_kind */
	__u8 reason;
	__u8 direction;
	__u8 audit;
	__u32 verdict;
	const struct session *ended; /* EVENT_ENDED: its totals; else NULL */
};

static __always_inline void send_event(const struct port *port, const struct packet *pkt,
				       const struct report *report)
{
	const struct settings *settings = find_settings();
	struct port_state *state = find_port_state(port->slot);
	struct event *event;

	if (!settings || !state)
		return;
	if (!within_pace(&state->event_due, settings->event_rate, settings->event_burst,
			 settings->hz)) {
		__sync_fetch_and_add(&state->events_suppressed, 1);
		return;
	}
	event = bpf_ringbuf_reserve(&event_ring, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&state->events_suppressed, 1);
		return;
	}
	event->time = bpf_ktime_get_ns();
	event->kind = report->kind;
	event->slot = port->slot;
	event->generation = port->generation;
	event->reason = report->reason;
	event->direction = report->direction;
	event->audit = report->audit;
	event->tcp_flags = pkt->tcp_flags;
	event->verdict = report->verdict;
	event->suppressed = (__u32)state->events_suppressed;
	event->ethertype = bpf_htons(pkt->ethertype);
	event->length = pkt->length > 0xffff ? 0xffff : pkt->length;
	__builtin_memcpy(event->source_mac, pkt->source_mac, ETH_ALEN);
	event->reserved = 0;
	event->key = pkt->key;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		event->total[i].packets = report->ended ? report->ended->packets[i] : 0;
		event->total[i].bytes = report->ended ? report->ended->bytes[i] : 0;
	}
	bpf_ringbuf_submit(event, 0);
}

#endif
