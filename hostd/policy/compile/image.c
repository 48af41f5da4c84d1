/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walking an image, exactly as the programs do.
 */
#include "hostd/policy/compile/compile.h"

#include <string.h>

#define TOP_NIBBLE_SHIFT 4

/* Nibble i of bytes in network byte order, highest first. */
static unsigned int nibble(const uint8_t *key, unsigned int i)
{
	return i % 2 ? key[i / 2] & 0xf : key[i / 2] >> TOP_NIBBLE_SHIFT;
}

static uint32_t walk(const struct image *image, uint32_t cell, const uint8_t *key)
{
	for (unsigned int i = 0; !(cell & CELL_LEAF); i++)
		cell = image->nodes[cell].cell[nibble(key, i)];
	return cell & ~CELL_LEAF;
}

static uint32_t walk_port(const struct image *image, uint32_t root, uint8_t protocol, uint16_t port)
{
	const uint8_t key[] = {protocol, (uint8_t)(port >> 8), (uint8_t)port};

	return walk(image, root, key);
}

uint32_t look_up_verdict(const struct image *image, const struct policy_query *query)
{
	bool ipv4 = is_ipv4(query->remote);
	const uint8_t *address = ipv4 ? query->remote + ADDRESS_BYTES - 4 : query->remote;
	struct image_header header;
	uint32_t row, column, source = 0;
	size_t i;

	memcpy(&header, &image->nodes[0], sizeof(header));
	row = walk(image, header.row_root[ipv4 ? 0 : 1], address);
	column = walk_port(image, header.column_root[query->direction], query->protocol,
			   query->port);
	if (header.source_count > 1)
		source = walk_port(image, header.source_root, query->protocol, query->source_port);
	i = ((size_t)row * header.column_count + column) * header.source_count + source;
	return image->nodes[header.verdict_node + i / POLICY_NODE_CELLS]
		.cell[i % POLICY_NODE_CELLS];
}
