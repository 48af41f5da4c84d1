// SPDX-License-Identifier: GPL-2.0-or-later
/* A frame in one line, for people who read a sequence. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>

#include "hostd/base/address.h"
#include "hostd/base/cleanup.h"
#include "tests/model/reading.h"
#include "tests/model/sequence.h"

static void print_flags(FILE *out, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC";

	fputc(' ', out);
	for (int i = 0; i < 8; i++) {
		if (flags & 1 << i)
			fputc(letters[i], out);
	}
}

static void print_part(FILE *out, const struct reading *r)
{
	if (r->part != PART_WHOLE || r->has_fragment_header)
		fprintf(out, " fragment %u offset %u%s", r->datagram, r->offset,
			r->part == PART_FIRST ? " first" : "");
}

static void print_transport(FILE *out, const struct reading *r)
{
	if (r->message != MESSAGE_NONE)
		fprintf(out, " type %u code %u id %u", r->type, r->code, r->identifier);
	if (r->protocol != IPPROTO_TCP || r->part == PART_LATER)
		return;
	print_flags(out, r->flags);
	fprintf(out, " seq %u ack %u win %u len %zu", r->sequence, r->acknowledgment, r->window,
		r->payload);
}

static void print_ip(FILE *out, struct reading *r)
{
	char text[PREFIX_TEXT_BYTES];
	int reason = read_ip(r);

	fprintf(out, "protocol %u %s:%u", r->protocol, format_address(r->source, text),
		r->source_port);
	fprintf(out, " > %s:%u", format_address(r->destination, text), r->destination_port);
	print_part(out, r);
	if (reason == GO_ON)
		print_transport(out, r);
	else
		fputs(" (malformed)", out);
}

void describe_frame(const struct packet *packet, char *out, size_t size)
{
	FILE *stream = fmemopen(out, size, "w");
	struct reading r;
	int reason;

	if (!stream)
		abort();
	reason = read_ethernet(packet, &r);
	for (size_t i = 0; i < r.tag_count; i++)
		fprintf(stream, "vlan %u ", r.tags[i]);
	if (reason == GO_ON && (r.ethertype == ETH_P_IP || r.ethertype == ETH_P_IPV6))
		print_ip(stream, &r);
	else
		fprintf(stream, "ethertype %04x, %u bytes", r.ethertype, packet->length);
	fclose(stream);
}
