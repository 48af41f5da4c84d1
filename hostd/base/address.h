/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP addresses, prefixes and MAC addresses: text to bytes and back.
 *
 * An address is 16 bytes in network byte order, IPv4 as ::ffff:a.b.c.d, as everywhere in vmseg.
 */
#ifndef VMSEG_ADDRESS_H
#define VMSEG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct prefix {
	uint8_t address[ADDRESS_BYTES];
	uint8_t bits; /* 0 to 128, counted in the 16 bytes: an IPv4 /24 has 120 */
};

/* Enough for any prefix in text, with the terminating zero. */
#define PREFIX_TEXT_BYTES 64
#define MAC_TEXT_BYTES    18

enum prefix_fault {
	PREFIX_OK = 0,
	PREFIX_NOT_AN_ADDRESS, /* neither IPv4 nor IPv6 text */
	PREFIX_BAD_LENGTH,     /* the number after '/' is missing or too large for the family */
	PREFIX_HOST_BITS,      /* bits beyond the length are set */
	PREFIX_MAPPED,         /* IPv4 written as ::ffff:a.b.c.d, which no packet carries */
};

bool is_ipv4(const uint8_t address[static ADDRESS_BYTES]);

/* Parses "10.0.0.0/8", "10.0.0.1", "2001:db8::/32" or "::1"; without a length all bits count.
 * *ret is untouched unless PREFIX_OK is returned. */
enum prefix_fault parse_prefix(const char *text, struct prefix *ret);

/* What was wrong, as the end of a sentence: "host bits are set (did you mean 10.0.0.0/8?)".
 * Writes at most `size` bytes with the terminating zero. */
void describe_prefix_fault(enum prefix_fault fault, const char *text, char *out, size_t size);

/* Shortest form; the length only where it is not the whole address. Returns out. */
char *format_prefix(const struct prefix *prefix, char out[static PREFIX_TEXT_BYTES]);
char *format_address(const uint8_t address[static ADDRESS_BYTES],
		     char out[static PREFIX_TEXT_BYTES]);

/* The families never mix: ::/0 contains no IPv4 address. */
bool prefix_contains(const struct prefix *prefix, const uint8_t address[static ADDRESS_BYTES]);

/* Orders by address, then by length: for qsort. */
int compare_prefixes(const void *a, const void *b);

/* Parses "52:54:00:ab:cd:ef" (any case). False when it is anything else, or multicast. */
bool parse_mac(const char *text, uint8_t ret[static MAC_BYTES]);
char *format_mac(const uint8_t mac[static MAC_BYTES], char out[static MAC_TEXT_BYTES]);

#endif
