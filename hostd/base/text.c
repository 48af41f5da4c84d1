/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UTF-8 text.
 */
#include "hostd/base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that a character with this first byte has; 0: no character begins so. */
static size_t expected_bytes(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The values that the second byte may have besides 10xxxxxx, by the first byte: RFC 3629, 4. */
static bool is_second(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return true;
	}
}

size_t character_bytes(const char *text, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t count = size ? expected_bytes(bytes[0]) : 0;

	if (count == 0 || count > size || (count > 1 && !is_second(bytes[0], bytes[1])))
		return 0;
	for (size_t i = 1; i < count; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return count;
}

size_t utf8_bytes(const char *text, size_t size)
{
	size_t at = 0, count;

	while (at < size && (count = character_bytes(text + at, size - at)) > 0)
		at += count;
	return at;
}

char *end_at_character(char *text)
{
	size_t size = strlen(text), start = size;

	while (start > 0 && size - start < 3 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && expected_bytes((uint8_t)text[start - 1]) > size - start + 1)
		text[start - 1] = '\0';
	return text;
}

char *make_utf8(char *text)
{
	size_t size = strlen(text), at = 0;

	while ((at += utf8_bytes(text + at, size - at)) < size)
		text[at++] = '?';
	return text;
}

static bool is_control(const uint8_t *bytes, size_t count)
{
	if (count == 1)
		return bytes[0] < ' ' || bytes[0] == 0x7f;
	if (count == 2) /* U+0080 to U+009F, U+061C */
		return (bytes[0] == 0xc2 && bytes[1] < 0xa0) ||
		       (bytes[0] == 0xd8 && bytes[1] == 0x9c);
	if (count != 3 || bytes[0] != 0xe2)
		return false;
	/* U+200E and U+200F; U+2028 to U+202E; U+2066 to U+2069 */
	return (bytes[1] == 0x80 && (bytes[2] == 0x8e || bytes[2] == 0x8f)) ||
	       (bytes[1] == 0x80 && bytes[2] >= 0xa8 && bytes[2] <= 0xae) ||
	       (bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9);
}

char *escape_text(const char *text)
{
	size_t size = strlen(text);
	char *escaped = malloc(size * 4 + 1), *end = escaped;

	if (!escaped)
		return NULL;
	while (size > 0) {
		size_t count = character_bytes(text, size);
		bool shown = count > 0 && !is_control((const uint8_t *)text, count);

		for (size_t i = 0; i < (count ? count : 1); i++, text++, size--) {
			if (shown)
				*end++ = *text;
			else
				end += sprintf(end, "\\x%02x", (uint8_t)*text);
		}
	}
	*end = '\0';
	return escaped;
}

void replace_text(char **target, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	/* Out of memory: the old text is better than none, and any text is better than NULL. */
	if (text && !copy && *target)
		return;
	if (text && !copy)
		copy = strdup("out of memory");
	free(*target);
	*target = copy;
}
