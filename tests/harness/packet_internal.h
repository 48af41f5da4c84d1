/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What packet.c lends to the builders of what IP carries. */
#ifndef VMSEG_TEST_PACKET_INTERNAL_H
#define VMSEG_TEST_PACKET_INTERNAL_H

#include "tests/harness/packet.h"

/* Big-endian, unaligned. */
void put16(uint8_t *where, uint16_t value);
void put32(uint8_t *where, uint32_t value);
uint16_t get16(const uint8_t *where);

bool is_ipv4_packet(const struct packet *packet);

/* Opens a gap of zero bytes and moves the layer offsets that lie behind it. */
void insert_gap(struct packet *packet, size_t at, size_t size);

/* Lengths and header checksum of IP as the frame now is. */
void settle_ip(struct packet *packet);

/* Fills the checksum field `offset` bytes into the transport header. */
void set_checksum(struct packet *packet, size_t offset, uint8_t protocol);
void set_plain_checksum(struct packet *packet, size_t offset);

#endif
