/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses between text and bytes: strict where people write, shortest form where they read.
 */
#include "hostd/base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define IPV4_OFFSET 12 /* where a.b.c.d sits in ::ffff:a.b.c.d */
#define IPV4_BITS   96 /* length of ::ffff:0:0, the prefix of all IPv4 addresses */

static const uint8_t ipv4_head[IPV4_OFFSET] = {[10] = 0xff, [11] = 0xff};

bool is_ipv4(const uint8_t address[static ADDRESS_BYTES])
{
	return memcmp(address, ipv4_head, sizeof(ipv4_head)) == 0;
}

/* Clears the bits from number `bits` on; true when there was one set. */
static bool clear_host_bits(uint8_t address[static ADDRESS_BYTES], unsigned int bits)
{
	bool found = false;

	for (unsigned int i = 0; i < ADDRESS_BYTES; i++) {
		unsigned int kept = bits > i * 8 ? bits - i * 8 : 0;
		uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);

		found |= (address[i] & ~mask) != 0;
		address[i] &= mask;
	}
	return found;
}

/* One to three decimal digits without a leading zero, at most `most`. */
static bool parse_length(const char *text, unsigned int most, unsigned int *ret)
{
	size_t digits = strspn(text, "0123456789");
	unsigned int value = 0;

	if (digits == 0 || digits > 3 || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned int)(text[i] - '0');
	if (value > most)
		return false;
	*ret = value;
	return true;
}

/* The part of `text` before '/', or all of it, as an address of either family. */
static enum prefix_fault parse_address_part(const char *text, size_t size,
					    uint8_t ret[static ADDRESS_BYTES])
{
	char part[INET6_ADDRSTRLEN];

	if (size >= sizeof(part))
		return PREFIX_NOT_AN_ADDRESS;
	memcpy(part, text, size);
	part[size] = '\0';
	if (inet_pton(AF_INET, part, ret + IPV4_OFFSET) == 1) {
		memcpy(ret, ipv4_head, sizeof(ipv4_head));
		return PREFIX_OK;
	}
	if (inet_pton(AF_INET6, part, ret) != 1)
		return PREFIX_NOT_AN_ADDRESS;
	return is_ipv4(ret) ? PREFIX_MAPPED : PREFIX_OK;
}

enum prefix_fault parse_prefix(const char *text, struct prefix *ret)
{
	size_t size = strcspn(text, "/");
	struct prefix prefix = {.bits = ADDRESS_BYTES * 8};
	enum prefix_fault fault = parse_address_part(text, size, prefix.address);

	if (fault != PREFIX_OK)
		return fault;
	if (text[size] == '/') {
		unsigned int base = is_ipv4(prefix.address) ? IPV4_BITS : 0;
		unsigned int length;

		if (!parse_length(text + size + 1, ADDRESS_BYTES * 8 - base, &length))
			return PREFIX_BAD_LENGTH;
		prefix.bits = (uint8_t)(base + length);
	}
	if (clear_host_bits(prefix.address, prefix.bits))
		return PREFIX_HOST_BITS;
	*ret = prefix;
	return PREFIX_OK;
}

/* The prefix that the author of a prefix with host bits probably meant. */
static void describe_host_bits(const char *text, char *out, size_t size)
{
	struct prefix meant = {0};
	char meant_text[PREFIX_TEXT_BYTES];
	size_t slash = strcspn(text, "/");
	unsigned int base, length;

	if (parse_address_part(text, slash, meant.address) != PREFIX_OK)
		return;
	base = is_ipv4(meant.address) ? IPV4_BITS : 0;
	if (!parse_length(text + slash + 1, ADDRESS_BYTES * 8 - base, &length))
		return;
	meant.bits = (uint8_t)(base + length);
	clear_host_bits(meant.address, meant.bits);
	snprintf(out, size, "host bits are set (did you mean %s?)",
		 format_prefix(&meant, meant_text));
}

void describe_prefix_fault(enum prefix_fault fault, const char *text, char *out, size_t size)
{
	const char *dotted = strrchr(text, ':');

	if (size)
		out[0] = '\0';
	switch (fault) {
	case PREFIX_OK:
		break;
	case PREFIX_NOT_AN_ADDRESS:
		snprintf(out, size, "it is neither an IPv4 nor an IPv6 address");
		break;
	case PREFIX_BAD_LENGTH:
		snprintf(out, size, "the prefix length must be a number from 0 to %d",
			 strchr(text, ':') ? 128 : 32);
		break;
	case PREFIX_HOST_BITS:
		describe_host_bits(text, out, size);
		break;
	case PREFIX_MAPPED:
		if (dotted && strchr(dotted, '.'))
			snprintf(out, size, "write the IPv4 address as %s", dotted + 1);
		else
			snprintf(out, size, "write the IPv4 address in dotted form");
		break;
	}
}

char *format_address(const uint8_t address[static ADDRESS_BYTES],
		     char out[static PREFIX_TEXT_BYTES])
{
	if (is_ipv4(address))
		inet_ntop(AF_INET, address + IPV4_OFFSET, out, PREFIX_TEXT_BYTES);
	else
		inet_ntop(AF_INET6, address, out, PREFIX_TEXT_BYTES);
	return out;
}

char *format_prefix(const struct prefix *prefix, char out[static PREFIX_TEXT_BYTES])
{
	unsigned int base = is_ipv4(prefix->address) ? IPV4_BITS : 0;
	size_t used;

	format_address(prefix->address, out);
	used = strlen(out);
	if (prefix->bits < ADDRESS_BYTES * 8)
		snprintf(out + used, PREFIX_TEXT_BYTES - used, "/%u", prefix->bits - base);
	return out;
}

bool prefix_contains(const struct prefix *prefix, const uint8_t address[static ADDRESS_BYTES])
{
	uint8_t head[ADDRESS_BYTES];

	if (is_ipv4(prefix->address) != is_ipv4(address))
		return false;
	memcpy(head, address, sizeof(head));
	clear_host_bits(head, prefix->bits);
	return memcmp(head, prefix->address, sizeof(head)) == 0;
}

int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *left = a, *right = b;
	int order = memcmp(left->address, right->address, ADDRESS_BYTES);

	return order ? order : (int)left->bits - (int)right->bits;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_mac(const char *text, uint8_t ret[static MAC_BYTES])
{
	uint8_t mac[MAC_BYTES];

	if (strnlen(text, MAC_TEXT_BYTES) != MAC_TEXT_BYTES - 1)
		return false;
	for (size_t i = 0; i < MAC_BYTES; i++) {
		int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);
		char end = text[i * 3 + 2];

		if (high < 0 || low < 0 || end != (i + 1 < MAC_BYTES ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	if (mac[0] & 1)
		return false;
	memcpy(ret, mac, sizeof(mac));
	return true;
}

char *format_mac(const uint8_t mac[static MAC_BYTES], char out[static MAC_TEXT_BYTES])
{
	snprintf(out, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return out;
}
