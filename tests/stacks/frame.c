// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define FRAME_TYPE      12
#define FRAME_IP_HEADER 14

#define FRAME_IPV4_BYTES        20
#define FRAME_IPV4_TOTAL_LENGTH (FRAME_IP_HEADER + 2)
#define FRAME_IPV4_ID           (FRAME_IP_HEADER + 4)
#define FRAME_IPV4_FRAGMENT     (FRAME_IP_HEADER + 6)
#define FRAME_IPV4_PROTOCOL     (FRAME_IP_HEADER + 9)
#define FRAME_IPV4_HEADER_SUM   (FRAME_IP_HEADER + 10)
#define FRAME_IPV4_SOURCE       (FRAME_IP_HEADER + 12)
#define FRAME_IPV4_ADDRESS      4

#define FRAME_IPV6_BYTES          40
#define FRAME_IPV6_PAYLOAD_LENGTH (FRAME_IP_HEADER + 4)
#define FRAME_IPV6_NEXT_HEADER    (FRAME_IP_HEADER + 6)
#define FRAME_IPV6_SOURCE         (FRAME_IP_HEADER + 8)
#define FRAME_IPV6_ADDRESS        16
#define FRAME_IPV6_FRAGMENT_BYTES 8

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

static bool is_ipv6(const struct frame *frame)
{
	return read16(frame->bytes + FRAME_TYPE) == ETH_P_IPV6;
}

static uint16_t transport_of(const struct frame *frame)
{
	return FRAME_IP_HEADER + (is_ipv6(frame) ? FRAME_IPV6_BYTES : FRAME_IPV4_BYTES);
}

/* Bytes of the IP payload. */
static uint32_t read_ip_payload(const struct frame *frame)
{
	return is_ipv6(frame) ? read16(frame->bytes + FRAME_IPV6_PAYLOAD_LENGTH)
			      : (uint32_t)read16(frame->bytes + FRAME_IPV4_TOTAL_LENGTH) -
					FRAME_IPV4_BYTES;
}

static void set_ip_payload(struct frame *frame, uint32_t bytes)
{
	if (is_ipv6(frame))
		write16(frame->bytes + FRAME_IPV6_PAYLOAD_LENGTH, (uint16_t)bytes);
	else
		write16(frame->bytes + FRAME_IPV4_TOTAL_LENGTH,
			(uint16_t)(FRAME_IPV4_BYTES + bytes));
}

/* Is it a whole datagram with TCP in it? */
static bool is_plain_tcp(const struct frame *frame)
{
	const uint8_t *bytes = frame->bytes;

	if (is_ipv6(frame))
		return bytes[FRAME_IPV6_NEXT_HEADER] == IPPROTO_TCP;
	return read16(bytes + FRAME_TYPE) == ETH_P_IP && bytes[FRAME_IP_HEADER] == 0x45 &&
	       bytes[FRAME_IPV4_PROTOCOL] == IPPROTO_TCP &&
	       !(read16(bytes + FRAME_IPV4_FRAGMENT) & 0x3fff);
}

bool view_segment(const struct frame *frame, struct segment_view *ret)
{
	uint16_t transport = transport_of(frame);
	const uint8_t *tcp = frame->bytes + transport;
	uint32_t present, header;

	if (frame->length < transport + TCP_BYTES || !is_plain_tcp(frame))
		return false;
	present = read_ip_payload(frame);
	header = (uint32_t)(tcp[TCP_OFFSET] >> 4) * 4;
	if (present + transport > frame->length || header < TCP_BYTES || present < header)
		return false;
	*ret = (struct segment_view){
		.source_port = read16(tcp),
		.destination_port = read16(tcp + 2),
		.sequence = read32(tcp + TCP_SEQUENCE),
		.acknowledgment = read32(tcp + TCP_ACKNOWLEDGMENT),
		.flags = tcp[TCP_FLAGS_BYTE],
		.window = read16(tcp + TCP_WINDOW),
		.header = transport,
		.payload = (uint16_t)(transport + header),
		.bytes = (uint16_t)(present - header),
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

static void swap_bytes(uint8_t *a, uint8_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

struct frame reverse_frame(const struct frame *frame)
{
	struct frame reversed = *frame;
	uint8_t *bytes = reversed.bytes, *tcp = bytes + transport_of(frame);

	swap_bytes(bytes, bytes + ETH_ALEN, ETH_ALEN);
	if (is_ipv6(frame))
		swap_bytes(bytes + FRAME_IPV6_SOURCE,
			   bytes + FRAME_IPV6_SOURCE + FRAME_IPV6_ADDRESS, FRAME_IPV6_ADDRESS);
	else
		swap_bytes(bytes + FRAME_IPV4_SOURCE,
			   bytes + FRAME_IPV4_SOURCE + FRAME_IPV4_ADDRESS, FRAME_IPV4_ADDRESS);
	swap_bytes(tcp, tcp + 2, 2);
	return reversed;
}

struct frame forge_segment(const struct frame *like, uint8_t flags, uint32_t sequence,
			   uint32_t acknowledgment, uint16_t window, uint16_t bytes)
{
	uint16_t transport = transport_of(like);
	struct frame forged = {.length = (uint16_t)(transport + TCP_BYTES + bytes)};
	uint8_t *tcp = forged.bytes + transport;

	memcpy(forged.bytes, like->bytes, transport + 4U); /* and both ports */
	set_ip_payload(&forged, TCP_BYTES + bytes);
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

static void fill_ipv4_checksum(struct frame *frame)
{
	write16(frame->bytes + FRAME_IPV4_HEADER_SUM, 0);
	write16(frame->bytes + FRAME_IPV4_HEADER_SUM,
		fold(sum_words(frame->bytes + FRAME_IP_HEADER, FRAME_IPV4_BYTES, 0)));
}

void fill_checksum(struct frame *frame)
{
	uint8_t *tcp = frame->bytes + transport_of(frame);
	uint32_t length = read_ip_payload(frame), sum = IPPROTO_TCP + length;

	if (is_ipv6(frame)) {
		sum = sum_words(frame->bytes + FRAME_IPV6_SOURCE, 2 * FRAME_IPV6_ADDRESS, sum);
	} else {
		fill_ipv4_checksum(frame);
		sum = sum_words(frame->bytes + FRAME_IPV4_SOURCE, 2 * FRAME_IPV4_ADDRESS, sum);
	}
	write16(tcp + TCP_CHECKSUM, 0);
	write16(tcp + TCP_CHECKSUM, fold(sum_words(tcp, length, sum)));
}

/* Not by 0xffff, which is the same number in ones' complement. */
void spoil_checksum(struct frame *frame)
{
	fill_checksum(frame);
	frame->bytes[transport_of(frame) + TCP_CHECKSUM] ^= 0x5a;
}

/* ---- fragments ------------------------------------------------------------------------------ */

/* The IPv6 fragment header (RFC 8200, 4.5), after an IPv6 header that has been copied already. */
static void add_fragment_header(struct frame *frame, uint16_t offset, bool more, uint16_t id)
{
	uint8_t *header = frame->bytes + FRAME_IP_HEADER + FRAME_IPV6_BYTES;

	header[0] = frame->bytes[FRAME_IPV6_NEXT_HEADER];
	header[1] = 0;
	write16(header + 2, (uint16_t)(offset | more));
	write32(header + 4, id);
	frame->bytes[FRAME_IPV6_NEXT_HEADER] = IPPROTO_FRAGMENT;
}

static void make_fragment(const struct frame *frame, uint16_t from, uint16_t to, uint16_t id,
			  struct frame *ret)
{
	uint16_t transport = transport_of(frame), size = (uint16_t)(to - from), at = transport;
	bool more = to < read_ip_payload(frame);

	memcpy(ret->bytes, frame->bytes, transport);
	if (is_ipv6(frame)) {
		add_fragment_header(ret, from, more, id);
		at += FRAME_IPV6_FRAGMENT_BYTES;
	}
	memcpy(ret->bytes + at, frame->bytes + transport + from, size);
	ret->length = (uint16_t)(at + size);
	set_ip_payload(ret, (uint32_t)(at - transport) + size);
	if (is_ipv6(frame))
		return;
	write16(ret->bytes + FRAME_IPV4_ID, id);
	write16(ret->bytes + FRAME_IPV4_FRAGMENT,
		(uint16_t)(from / FRAGMENT_UNIT | (more ? MORE_FRAGMENTS : 0)));
	fill_ipv4_checksum(ret);
}

void cut_in_fragments(const struct frame *frame, uint16_t at, uint16_t id, struct frame ret[2])
{
	make_fragment(frame, 0, at, id, &ret[0]);
	make_fragment(frame, at, (uint16_t)read_ip_payload(frame), id, &ret[1]);
}
