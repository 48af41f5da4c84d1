// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP segments as people write them in a sequence: sequence.h says how. */
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "tests/model/sequence.h"

#define VM_PORT  40000
#define WEB_PORT 80

/* Initial sequence numbers, from which the text counts: one side wraps around soon. */
static const uint32_t initial[] = {[DIRECTION_OUT] = 1000000, [DIRECTION_IN] = 0xfffff000};

/* What the words of a segment say. */
struct words {
	struct tcp_fields fields;
	uint8_t options[40];
	bool bad_checksum;
	bool cut;
	size_t part_offset, part_length;
	uint16_t port;
};

static bool read_flags(const char *word, uint8_t *ret)
{
	static const char letters[] = "FSRPAUEC";

	*ret = 0;
	for (; *word; word++) {
		const char *letter = strchr(letters, *word);

		if (letter)
			*ret |= (uint8_t)(1 << (letter - letters));
		else if (*word != '.')
			return false;
	}
	return true;
}

/* "1001" or "1:1001", where the second is the number behind the last byte. */
static bool read_numbers(const char *word, uint32_t base, struct tcp_fields *ret)
{
	long from, to;
	int used = 0;

	if (sscanf(word, "%ld:%ld%n", &from, &to, &used) == 2 && !word[used] && to >= from)
		ret->payload = (size_t)(to - from);
	else if (sscanf(word, "%ld%n", &from, &used) != 1 || word[used])
		return false;
	ret->sequence = base + (uint32_t)from;
	return true;
}

static void add_option(struct words *words, const uint8_t *option, size_t size)
{
	memcpy(words->options + words->fields.options.size, option, size);
	words->fields.options.size += size;
}

static bool read_words(char *text, enum direction direction, struct words *ret)
{
	char *save = NULL, *word;

	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		const char *value;

		if (!strcmp(word, "bad")) {
			ret->bad_checksum = true;
			continue;
		}
		value = strtok_r(NULL, " ", &save);
		if (!value)
			return false;
		if (!strcmp(word, "ack")) {
			ret->fields.acknowledgment = initial[!direction] + (uint32_t)atol(value);
		} else if (!strcmp(word, "rawack")) {
			ret->fields.acknowledgment = (uint32_t)strtoul(value, NULL, 0);
		} else if (!strcmp(word, "rawseq")) {
			ret->fields.sequence = (uint32_t)strtoul(value, NULL, 0);
		} else if (!strcmp(word, "win")) {
			ret->fields.window = atoi(value) ? atoi(value) : ZERO_WINDOW;
		} else if (!strcmp(word, "scale")) {
			add_option(ret, (const uint8_t[]){SCALE((uint8_t)atoi(value))}, 3);
		} else if (!strcmp(word, "port")) {
			ret->port = (uint16_t)atoi(value);
		} else if (!strcmp(word, "part")) {
			ret->cut = true;
			if (sscanf(value, "%zu+%zu", &ret->part_offset, &ret->part_length) != 2)
				return false;
		} else {
			return false;
		}
	}
	return true;
}

static struct packet build_segment_step(enum direction direction, const struct words *words)
{
	bool out = direction == DIRECTION_OUT;
	struct packet packet =
		build_tcp(out ? VM : WEB, out ? WEB : VM, out ? words->port : WEB_PORT,
			  out ? WEB_PORT : words->port, &words->fields);

	if (words->bad_checksum)
		packet.bytes[packet.transport + 16] ^= 0x5a;
	if (words->cut)
		packet = fragment(7, words->part_offset, words->part_length, packet);
	return packet;
}

static bool read_expected(char *text, enum expected *ret)
{
	char *mark = strstr(text, " = ");

	*ret = EXPECT_NOTHING;
	if (!mark)
		return true;
	*mark = 0;
	*ret = !strcmp(mark + 3, "pass") ? EXPECT_PASS : EXPECT_DROP;
	return *ret == EXPECT_PASS || !strcmp(mark + 3, "drop");
}

bool read_tcp_step(char *text, struct step *ret)
{
	struct words words = {.port = VM_PORT};
	char direction[4], flags[16], numbers[32];
	enum expected expected;
	int used = 0;

	if (!read_expected(text, &expected) ||
	    sscanf(text, "%3s %15s %31s%n", direction, flags, numbers, &used) != 3 ||
	    (strcmp(direction, "out") != 0 && strcmp(direction, "in") != 0))
		return false;
	*ret = (struct step){.kind = STEP_FRAME,
			     .direction = *direction == 'o' ? DIRECTION_OUT : DIRECTION_IN,
			     .expected = expected};
	words.fields.options.data = words.options;
	if (!read_flags(flags, &words.fields.flags) ||
	    !read_numbers(numbers, initial[ret->direction], &words.fields) ||
	    !read_words(text + used, ret->direction, &words))
		return false;
	ret->packet = build_segment_step(ret->direction, &words);
	return true;
}
