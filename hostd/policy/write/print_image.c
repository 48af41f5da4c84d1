/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image in words: what its tries and its table say, read back from the nodes alone.
 */
#include <inttypes.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/compile.h"
#include "hostd/policy/compile/trie.h"

#define STRIDE_BITS 4
#define PORT_BITS   16

/* Prints the keys from first to last, which have one class. */
typedef void print_keys(trie_key first, trie_key last, FILE *stream);

/* A walk over every leaf of a trie, in order of keys; neighbours of one class are one line. */
struct leaf_printer {
	const struct image *image;
	FILE *stream;
	print_keys *print;
	trie_key first; /* of the line that is being gathered */
	uint32_t class;
	bool gathering;
};

static void end_line(struct leaf_printer *printer, trie_key last)
{
	fprintf(printer->stream, "  %4" PRIu32 "  ", printer->class);
	printer->print(printer->first, last, printer->stream);
	fputc('\n', printer->stream);
}

static void visit_leaf(struct leaf_printer *printer, trie_key first, uint32_t class)
{
	if (printer->gathering && printer->class == class)
		return;
	if (printer->gathering)
		end_line(printer, first - 1);
	printer->first = first;
	printer->class = class;
	printer->gathering = true;
}

static void visit_cell(struct leaf_printer *printer, uint32_t cell, trie_key base,
		       unsigned int bits)
{
	if (cell & CELL_LEAF) {
		visit_leaf(printer, base, cell & ~CELL_LEAF);
		return;
	}
	bits -= STRIDE_BITS;
	for (size_t i = 0; i < POLICY_NODE_CELLS; i++)
		visit_cell(printer, printer->image->nodes[cell].cell[i],
			   base + ((trie_key)i << bits), bits);
}

static void print_trie(const struct image *image, const char *title, uint32_t root,
		       unsigned int nibbles, print_keys *print, FILE *stream)
{
	struct leaf_printer printer = {.image = image, .stream = stream, .print = print};
	unsigned int bits = nibbles * STRIDE_BITS;
	trie_key all = bits == sizeof(all) * 8 ? ~(trie_key)0 : ((trie_key)1 << bits) - 1;

	fprintf(stream, "%s\n", title);
	visit_cell(&printer, root, 0, bits);
	end_line(&printer, all);
}

/* ---- keys in words -------------------------------------------------------------------------- */

static const char *address_text(trie_key key, bool ipv4, char out[static PREFIX_TEXT_BYTES])
{
	uint8_t address[ADDRESS_BYTES];

	if (ipv4)
		key |= (trie_key)0xffff << 32;
	for (size_t i = ADDRESS_BYTES; i-- > 0; key >>= 8)
		address[i] = (uint8_t)key;
	return format_address(address, out);
}

static void print_addresses(trie_key first, trie_key last, bool ipv4, FILE *stream)
{
	char text[PREFIX_TEXT_BYTES];

	fputs(address_text(first, ipv4, text), stream);
	if (last != first)
		fprintf(stream, " - %s", address_text(last, ipv4, text));
}

static void print_ipv4(trie_key first, trie_key last, FILE *stream)
{
	print_addresses(first, last, true, stream);
}

static void print_ipv6(trie_key first, trie_key last, FILE *stream)
{
	print_addresses(first, last, false, stream);
}

/* "6:80" is protocol 6, port 80. */
static void print_ports(trie_key first, trie_key last, FILE *stream)
{
	const trie_key port_mask = (1U << PORT_BITS) - 1;

	fprintf(stream, "%u:%u", (unsigned int)(first >> PORT_BITS),
		(unsigned int)(first & port_mask));
	if (last != first)
		fprintf(stream, " - %u:%u", (unsigned int)(last >> PORT_BITS),
			(unsigned int)(last & port_mask));
}

/* ---- verdicts ------------------------------------------------------------------------------- */

static void print_verdict(uint32_t cell, FILE *stream)
{
	uint32_t rule = cell & VERDICT_RULE_MASK;

	fputs(cell & VERDICT_ALLOW ? "allow" : "deny", stream);
	if (rule)
		fprintf(stream, " rule %" PRIu32, rule);
	else
		fputs(" default", stream);
	if (cell & VERDICT_LOG)
		fputs(" log", stream);
	if (cell & VERDICT_KEEP_ESTABLISHED)
		fputs(" keep-established", stream);
}

static void print_table(const struct image *image, const struct image_header *header, FILE *stream)
{
	const struct policy_node *nodes = image->nodes + header->verdict_node;
	size_t i = 0;

	fputs("verdicts\n", stream);
	for (uint32_t row = 0; row < header->row_count; row++) {
		for (uint32_t column = 0; column < header->column_count; column++) {
			for (uint32_t source = 0; source < header->source_count; source++, i++) {
				fprintf(stream, "  %4" PRIu32 " %4" PRIu32, row, column);
				if (header->source_count > 1)
					fprintf(stream, " %4" PRIu32, source);
				fputs("  ", stream);
				print_verdict(
					nodes[i / POLICY_NODE_CELLS].cell[i % POLICY_NODE_CELLS],
					stream);
				fputc('\n', stream);
			}
		}
	}
}

void print_image(const struct image *image, FILE *stream)
{
	struct image_header header;

	memcpy(&header, &image->nodes[0], sizeof(header));
	fprintf(stream,
		"rules %" PRIu32 ", nodes %" PRIu32 " (tries %" PRIu32 "), rows %" PRIu32
		", columns %" PRIu32 ", sources %" PRIu32 "\n",
		image->rule_count, image->node_count, header.verdict_node - 1, header.row_count,
		header.column_count, header.source_count);
	print_trie(image, "rows, IPv4 remote", header.row_root[0], ROW_NIBBLES_V4, print_ipv4,
		   stream);
	print_trie(image, "rows, IPv6 remote", header.row_root[1], ROW_NIBBLES_V6, print_ipv6,
		   stream);
	print_trie(image, "columns, in (protocol:port)", header.column_root[DIRECTION_IN],
		   COLUMN_NIBBLES, print_ports, stream);
	print_trie(image, "columns, out (protocol:port)", header.column_root[DIRECTION_OUT],
		   COLUMN_NIBBLES, print_ports, stream);
	if (header.source_count > 1)
		print_trie(image, "sources (protocol:source port)", header.source_root,
			   COLUMN_NIBBLES, print_ports, stream);
	print_table(image, &header, stream);
}
