/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capturing libbpf's output: only its end is kept, since a verifier log has megabytes and says at
 * its end what is wrong.
 */
#include "hostd/datapath/objects/libbpf_log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#define LAST_WORDS_LINES 3

static char text[4096];
static size_t length;

/* Appends; when the buffer is full its older half goes. */
static void append_text(const char *piece, size_t size)
{
	const size_t half = sizeof(text) / 2;

	if (size > half - 1) {
		piece += size - (half - 1);
		size = half - 1;
	}
	if (length + size >= sizeof(text)) {
		memmove(text, text + half, length - half);
		length -= half;
	}
	memcpy(text + length, piece, size);
	length += size;
	text[length] = '\0';
}

__attribute__((format(printf, 2, 0))) static int write_text(enum libbpf_print_level level,
							    const char *format, va_list arguments)
{
	char *piece;
	int size;

	if (level == LIBBPF_DEBUG)
		return 0;
	size = vasprintf(&piece, format, arguments);
	if (size < 0)
		return 0;
	append_text(piece, (size_t)size);
	free(piece);
	return size;
}

void capture_libbpf(void)
{
	length = 0;
	text[0] = '\0';
	libbpf_set_print(write_text);
}

/* Frames of the log, the verifier's statistics and what libbpf adds after the log. */
static bool is_noise(const char *line)
{
	return strstr(line, "PROG LOAD LOG --") || strncmp(line, "processed ", 10) == 0 ||
	       strstr(line, "failed to load") || strstr(line, "failed: Permission denied");
}

const char *last_libbpf_message(void)
{
	static char words[sizeof(text)];
	const char *lines[LAST_WORDS_LINES] = {NULL};
	char *line, *rest;
	size_t used = 0;

	/* strtok_r() writes to what it splits: that is done once per capture. */
	words[0] = '\0';
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (is_noise(line))
			continue;
		memmove(lines, lines + 1, sizeof(lines) - sizeof(lines[0]));
		lines[LAST_WORDS_LINES - 1] = line;
	}
	for (int i = 0; i < LAST_WORDS_LINES; i++)
		if (lines[i])
			used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%s",
						 used ? " | " : "", lines[i]);
	return words;
}
