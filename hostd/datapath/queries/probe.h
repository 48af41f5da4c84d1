/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A probe: the first packet of a flow, as it would cross a port. It is only ever shown to the
 * dry-run programs, never sent.
 */
#ifndef VMSEG_PROBE_H
#define VMSEG_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct probe {
	enum direction direction;
	uint8_t mac[MAC_BYTES]; /* the VM's */
	uint8_t local[ADDRESS_BYTES];
	uint8_t remote[ADDRESS_BYTES]; /* of the same family */
	uint8_t protocol;
	uint16_t local_port, remote_port; /* host byte order; TCP, UDP, UDP-Lite, SCTP */
	uint8_t icmp_type, icmp_code;     /* ICMP, ICMPv6 */
	uint32_t vlans;                   /* as key_vlans(); 0: no tag */
};

#define PROBE_BYTES_MAX 128

/* Writes the frame: TCP as a SYN, any other protocol with 8 bytes of content. Returns its length.
 */
size_t build_probe(const struct probe *probe, uint8_t frame[static PROBE_BYTES_MAX]);

/* The session that the flow would have (for ICMP: with identifier 0). */
struct session_key key_of_probe(const struct probe *probe);

#endif
