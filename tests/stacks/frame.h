/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet frames with IPv4 or IPv6 (without extension headers) and TCP, as they are on the wire:
 * what they say, and the same frame with something else in one place. Numbers are in host byte
 * order.
 */
#ifndef VMSEG_STACKS_FRAME_H
#define VMSEG_STACKS_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/harness/packet.h"

#define FRAME_BYTES_MAX 2048

struct frame {
	uint16_t length;
	uint8_t bytes[FRAME_BYTES_MAX];
};

/* What a frame's TCP header says. */
struct segment_view {
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledgment;
	uint8_t flags;
	uint16_t window;  /* as in the header, unscaled */
	uint16_t header;  /* offset of the TCP header in the frame */
	uint16_t payload; /* offset of what follows it */
	uint16_t bytes;   /* of payload */
};

/* False: no whole TCP segment, or IPv4 options or IPv6 extension headers before it. */
bool view_segment(const struct frame *frame, struct segment_view *ret);

/* Sequence numbers that the segment takes: its payload, SYN and FIN. */
uint32_t segment_space(const struct segment_view *view);

void set_sequence(struct frame *frame, const struct segment_view *view, uint32_t value);
void set_acknowledgment(struct frame *frame, const struct segment_view *view, uint32_t value);
void set_window(struct frame *frame, const struct segment_view *view, uint16_t value);
void set_flags(struct frame *frame, const struct segment_view *view, uint8_t value);

/* Overwrites the TCP option of that kind by NOPs; false: there is none. */
bool strip_option(struct frame *frame, const struct segment_view *view, uint8_t kind);

/* The shift of the window scale option, -1 without one. */
int read_frame_scale(const struct frame *frame, const struct segment_view *view);

/* The same hosts and ports, but from the one that the frame is for. */
struct frame reverse_frame(const struct frame *frame);

/* A segment of the same hosts and ports, without options, with `bytes` bytes of payload that no
 * honest sender has sent. Checksums are right. */
struct frame forge_segment(const struct frame *like, uint8_t flags, uint32_t sequence,
			   uint32_t acknowledgment, uint16_t window, uint16_t bytes);

/* The TCP checksum, right or wrong. */
void fill_checksum(struct frame *frame);
void spoil_checksum(struct frame *frame);

/* Two IP fragments of one frame, the second from byte `at` of the IP payload on: a multiple of 8.
 * `id` tells the datagram from others. */
void cut_in_fragments(const struct frame *frame, uint16_t at, uint16_t id, struct frame ret[2]);

#endif
