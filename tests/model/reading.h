/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a receiver reads in a frame: a plain cursor over bytes, for the model. It shares nothing
 * with the parser of the BPF programs but the standards, abi.h and reasons.def.
 */
#ifndef VMSEG_MODEL_READING_H
#define VMSEG_MODEL_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "tests/harness/packet.h"

/* No reason to stop: the story goes on. */
#define GO_ON (-1)

/* Bytes that have not been read yet. */
struct span {
	const uint8_t *at;
	size_t left;
};

/* A datagram, or the part of one that a frame carries. */
enum part { PART_WHOLE, PART_FIRST, PART_LATER };

enum message {
	MESSAGE_NONE, /* not ICMP */
	MESSAGE_QUERY,
	MESSAGE_REPLY,
	MESSAGE_ERROR,
	MESSAGE_OTHER,
};

enum family { FAMILY_NONE = 0, FAMILY_V4 = 4, FAMILY_V6 = 6 };

#define TAGS_MAX 3

struct reading {
	size_t length;      /* of the frame */
	const uint8_t *far; /* no header that begins behind this is looked for */
	uint8_t source_mac[MAC_BYTES];
	uint16_t tags[TAGS_MAX]; /* VLAN ids, the one beside the frame first */
	size_t tag_count;
	uint32_t vlans;     /* outer id << 12 | inner id of those that are not 0; 0: in no VLAN */
	uint16_t ethertype; /* 0: LLC without SNAP */
	struct span rest;   /* behind the Ethernet header */

	enum family family;
	uint8_t source[ADDRESS_BYTES], destination[ADDRESS_BYTES];
	uint8_t hop_limit;
	uint8_t protocol;
	enum part part;
	bool has_fragment_header; /* IPv6 */
	uint32_t datagram;        /* the identification that fragments share */
	uint32_t offset;          /* of this part in the datagram, bytes */
	uint32_t part_length;  /* bytes of the datagram in this part, behind the fragment header */
	struct span transport; /* what IP carries, extension headers removed */

	/* TCP, UDP, UDP-Lite, SCTP. */
	uint16_t source_port, destination_port;
	/* TCP. */
	uint32_t sequence, acknowledgment;
	uint16_t window;
	uint8_t flags;
	struct span options;
	size_t header;  /* bytes */
	size_t payload; /* bytes */
	/* ICMP and ICMPv6. */
	enum message message;
	uint8_t type, code;
	uint16_t identifier;
	struct span quoted; /* behind the 8 bytes that every message begins with */
};

/* Each returns GO_ON or the enum reason for which the frame is refused. read_ethernet() comes
 * first; read_ip() only where it found IPv4 or IPv6. */
int read_ethernet(const struct packet *frame, struct reading *ret);
int read_ip(struct reading *reading);

/* The packet that an ICMP error is about, out of `error->quoted`: cut short by design, so lengths
 * are not judged, only that what is needed is there. */
int read_quoted(const struct reading *error, struct reading *ret);

/* Is it sent to a group, or to everybody? */
bool is_to_many(const struct reading *reading);

/* The query type that a reply type answers, of the same family. */
uint8_t query_of(enum family family, uint8_t reply);

/* The first window scale option (RFC 7323, 2.2), at most 14 (2.3), or -1 when there is none that
 * can be reached. */
int read_window_scale(const struct reading *syn);

#endif
