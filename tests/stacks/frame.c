// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define FRAME_IP_HEADER       14
#define FRAME_IP_ADDRESSES    (FRAME_IP_HEADER + 12)
#define FRAME_IP_TOTAL_LENGTH (FRAME_IP_HEADER + 2)
#define FRAME_IP_ID           (FRAME_IP_HEADER + 4)
#define FRAME_IP_FRAGMENT     (FRAME_IP_HEADER + 6)
#define FRAME_IP_PROTOCOL     (FRAME_IP_HEADER + 9)
#define FRAME_IP_HEADER_SUM   (FRAME_IP_HEADER + 10)
#define FRAME_IP_BYTES        20
#define TRANSPORT_HEADER      (FRAME_IP_HEADER + FRAME_IP_BYTES)

#define TCP_BYTES           20
#define TCP_SEQUENCE        4
#define TCP_ACKNOWLEDGMENT  8
#define TCP_OFFSET          12
#define TCP_FLAGS_BYTE      13
#define TCP_WINDOW          14
#define TCP_CHECKSUM        16
#define MORE_FRAGMENTS      0x2000
#define FRAGMENT_UNIT       8
#define OPTION_END          0
#define OPTION_WINDOW_SCALE 3
/* What forged segments carry: no honest byte has this value, see stream.c. */
#define FORGED_BYTE 0xff

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static void write16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write32(uint8_t *at, uint32_t value)
{
	write16(at, (uint16_t)(value >> 16));
	write16(at + 2, (uint16_t)value);
}

bool view_segment(const struct frame *frame, struct segment_view *ret)
{
	const uint8_t *ip = frame->bytes + FRAME_IP_HEADER, *tcp = frame->bytes + TRANSPORT_HEADER;
	uint32_t total, header;

	if (frame->length < TRANSPORT_HEADER + TCP_BYTES || read16(frame->bytes + 12) != ETH_P_IP ||
	    ip[0] != 0x45 || frame->bytes[FRAME_IP_PROTOCOL] != IPPROTO_TCP ||
	    (read16(frame->bytes + FRAME_IP_FRAGMENT) & 0x3fff))
		return false;
	total = read16(frame->bytes + FRAME_IP_TOTAL_LENGTH);
	header = (uint32_t)(tcp[TCP_OFFSET] >> 4) * 4;
	if (total + FRAME_IP_HEADER > frame->length || header < TCP_BYTES ||
	    total < FRAME_IP_BYTES + header)
		return false;
	*ret = (struct segment_view){
		.source_port = read16(tcp),
		.destination_port = read16(tcp + 2),
		.sequence = read32(tcp + TCP_SEQUENCE),
		.acknowledgment = read32(tcp + TCP_ACKNOWLEDGMENT),
		.flags = tcp[TCP_FLAGS_BYTE],
		.window = read16(tcp + TCP_WINDOW),
		.header = TRANSPORT_HEADER,
		.payload = (uint16_t)(TRANSPORT_HEADER + header),
		.bytes = (uint16_t)(total - FRAME_IP_BYTES - header),
	};
	return true;
}

uint32_t segment_space(const struct segment_view *view)
{
	return view->bytes + !!(view->flags & SYN) + !!(view->flags & FIN);
}

/* ---- changes -------------------------------------------------------------------------------- */

void set_sequence(struct frame *frame, const struct segment_view *view, uint32_t value)
{
	write32(frame->bytes + view->header + TCP_SEQUENCE, value);
}

void set_acknowledgment(struct frame *frame, const struct segment_view *view, uint32_t value)
{
	write32(frame->bytes + view->header + TCP_ACKNOWLEDGMENT, value);
}

void set_window(struct frame *frame, const struct segment_view *view, uint16_t value)
{
	write16(frame->bytes + view->header + TCP_WINDOW, value);
}

void set_flags(struct frame *frame, const struct segment_view *view, uint8_t value)
{
	frame->bytes[view->header + TCP_FLAGS_BYTE] = value;
}

/* Offset of the option of that kind, 0 without one. */
static uint16_t find_option(const struct frame *frame, const struct segment_view *view,
			    uint8_t kind)
{
	uint16_t at = (uint16_t)(view->header + TCP_BYTES);

	while (at + 1 < view->payload && frame->bytes[at] != OPTION_END) {
		if (frame->bytes[at] == kind)
			return at;
		if (frame->bytes[at] == NOP)
			at++;
		else if (frame->bytes[at + 1] >= 2)
			at = (uint16_t)(at + frame->bytes[at + 1]);
		else
			break;
	}
	return 0;
}

bool strip_option(struct frame *frame, const struct segment_view *view, uint8_t kind)
{
	uint16_t at = find_option(frame, view, kind);

	if (!at)
		return false;
	memset(frame->bytes + at, NOP, frame->bytes[at + 1]);
	return true;
}

int read_frame_scale(const struct frame *frame, const struct segment_view *view)
{
	uint16_t at = find_option(frame, view, OPTION_WINDOW_SCALE);

	return at ? frame->bytes[at + 2] : -1;
}

struct frame forge_segment(const struct frame *like, uint8_t flags, uint32_t sequence,
			   uint32_t acknowledgment, uint16_t window, uint16_t bytes)
{
	struct frame forged = {.length = (uint16_t)(TRANSPORT_HEADER + TCP_BYTES + bytes)};
	uint8_t *tcp = forged.bytes + TRANSPORT_HEADER;

	memcpy(forged.bytes, like->bytes, TRANSPORT_HEADER);
	memcpy(tcp, like->bytes + TRANSPORT_HEADER, 4); /* both ports */
	write16(forged.bytes + FRAME_IP_TOTAL_LENGTH, (uint16_t)(forged.length - FRAME_IP_HEADER));
	write32(tcp + TCP_SEQUENCE, sequence);
	write32(tcp + TCP_ACKNOWLEDGMENT, acknowledgment);
	tcp[TCP_OFFSET] = (TCP_BYTES / 4) << 4;
	tcp[TCP_FLAGS_BYTE] = flags;
	write16(tcp + TCP_WINDOW, window);
	memset(tcp + TCP_BYTES, FORGED_BYTE, bytes);
	fill_checksum(&forged);
	return forged;
}

/* ---- checksums ------------------------------------------------------------------------------ */

/* RFC 1071. */
static uint32_t sum_words(const uint8_t *bytes, uint32_t count, uint32_t sum)
{
	for (; count > 1; bytes += 2, count -= 2)
		sum += read16(bytes);
	return count ? sum + ((uint32_t)bytes[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void fill_ip_checksum(struct frame *frame)
{
	write16(frame->bytes + FRAME_IP_HEADER_SUM, 0);
	write16(frame->bytes + FRAME_IP_HEADER_SUM,
		fold(sum_words(frame->bytes + FRAME_IP_HEADER, FRAME_IP_BYTES, 0)));
}

void fill_checksum(struct frame *frame)
{
	uint32_t length = (uint32_t)read16(frame->bytes + FRAME_IP_TOTAL_LENGTH) - FRAME_IP_BYTES;
	uint8_t *tcp = frame->bytes + TRANSPORT_HEADER;
	uint32_t sum;

	fill_ip_checksum(frame);
	write16(tcp + TCP_CHECKSUM, 0);
	sum = sum_words(frame->bytes + FRAME_IP_ADDRESSES, 8, IPPROTO_TCP + length);
	write16(tcp + TCP_CHECKSUM, fold(sum_words(tcp, length, sum)));
}

/* Not by 0xffff, which is the same number in ones' complement. */
void spoil_checksum(struct frame *frame)
{
	fill_checksum(frame);
	frame->bytes[TRANSPORT_HEADER + TCP_CHECKSUM] ^= 0x5a;
}

/* ---- fragments ------------------------------------------------------------------------------ */

static void make_fragment(const struct frame *frame, uint16_t from, uint16_t to, uint16_t id,
			  struct frame *ret)
{
	uint16_t total = (uint16_t)(read16(frame->bytes + FRAME_IP_TOTAL_LENGTH) - FRAME_IP_BYTES);
	uint16_t field = (uint16_t)(from / FRAGMENT_UNIT | (to < total ? MORE_FRAGMENTS : 0));

	memcpy(ret->bytes, frame->bytes, TRANSPORT_HEADER);
	memcpy(ret->bytes + TRANSPORT_HEADER, frame->bytes + TRANSPORT_HEADER + from,
	       (size_t)(to - from));
	ret->length = (uint16_t)(TRANSPORT_HEADER + to - from);
	write16(ret->bytes + FRAME_IP_TOTAL_LENGTH, (uint16_t)(FRAME_IP_BYTES + to - from));
	write16(ret->bytes + FRAME_IP_ID, id);
	write16(ret->bytes + FRAME_IP_FRAGMENT, field);
	fill_ip_checksum(ret);
}

void cut_in_fragments(const struct frame *frame, uint16_t at, uint16_t id, struct frame ret[2])
{
	uint16_t total = (uint16_t)(read16(frame->bytes + FRAME_IP_TOTAL_LENGTH) - FRAME_IP_BYTES);

	make_fragment(frame, 0, at, id, &ret[0]);
	make_fragment(frame, at, total, id, &ret[1]);
}
