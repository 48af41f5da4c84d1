/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict reading of XML, and the words of its messages.
 */
#include "hostd/policy/read/reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"
#include "hostd/base/xml.h"
#include "hostd/policy/model.h"

/* Room for "a, b, c or d" made of every name that one element may hold. */
#define EXPECTED_BYTES 256

int line_of(const struct reader *reader, const xmlNode *element)
{
	return reader->first_line - 1 + (int)xmlGetLineNo((xmlNode *)element);
}

int out_of_memory(const struct reader *reader)
{
	return fail_memory(reader->diag, reader->source);
}

int reject(const struct reader *reader, const xmlNode *element, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	char name[QUOTE_BYTES];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0) {
		text = NULL;
		return out_of_memory(reader);
	}
	return fail(reader->diag, EINVAL, reader->source, line_of(reader, element), "<%s>: %s",
		    quote((const char *)element->name, name), text);
}

const char *quote(const char *value, char out[static QUOTE_BYTES])
{
	static const char ellipsis[] = "...";
	size_t size = strlen(value), kept = size;

	if (size >= QUOTE_BYTES) {
		kept = utf8_bytes(value, QUOTE_BYTES - sizeof(ellipsis));
	}
	memcpy(out, value, kept);
	for (size_t i = 0; i < kept; i++) {
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
	}
	if (kept < size)
		memcpy(out + kept, ellipsis, sizeof(ellipsis));
	else
		out[kept] = '\0';
	return out;
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_listed(const char *name, const char *const *names)
{
	for (; names && *names; names++) {
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* Appends `word` to a list that has `left` more words to come: "a, b or c". */
static void append_word(char *list, size_t size, const char *word, size_t left)
{
	size_t used = strlen(list);
	const char *separator = used == 0 ? "" : left == 0 ? " or " : ", ";

	snprintf(list + used, size - used, "%s%s", separator, word);
}

static size_t count_names(const char *const *names)
{
	size_t count = 0;

	while (names && names[count])
		count++;
	return count;
}

static const char *list_names(const char *const *a, const char *const *b,
			      char out[static EXPECTED_BYTES])
{
	size_t left = count_names(a) + count_names(b);

	if (left == 0)
		return "none";
	out[0] = '\0';
	for (; a && *a; a++)
		append_word(out, EXPECTED_BYTES, *a, --left);
	for (; b && *b; b++)
		append_word(out, EXPECTED_BYTES, *b, --left);
	return out;
}

/* ---- form of an element --------------------------------------------------------------------- */

static int check_attributes(const struct reader *reader, const xmlNode *element,
			    const struct element_form *form)
{
	char expected[EXPECTED_BYTES], name[QUOTE_BYTES];

	for (const xmlAttr *attribute = element->properties; attribute;
	     attribute = attribute->next) {
		const xmlNode *value = attribute->children;

		quote((const char *)attribute->name, name);
		if (attribute->ns || !is_listed(name, form->attributes))
			return reject(reader, element, "unknown attribute \"%s%s%s\" (expected %s)",
				      attribute->ns ? (const char *)attribute->ns->prefix : "",
				      attribute->ns ? ":" : "", name,
				      list_names(form->attributes, NULL, expected));
		if (value && (value->type != XML_TEXT_NODE || value->next))
			return reject(reader, element, "attribute \"%s\" is not plain text", name);
	}
	return 0;
}

/* An element of the same name before this one. */
static const xmlNode *find_earlier(const xmlNode *element)
{
	for (const xmlNode *node = element->prev; node; node = node->prev) {
		if (node->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)node->name, (const char *)element->name) == 0)
			return node;
	}
	return NULL;
}

static int check_child(const struct reader *reader, const xmlNode *parent, const xmlNode *child,
		       const struct element_form *form)
{
	char expected[EXPECTED_BYTES], name[QUOTE_BYTES];
	bool once;

	quote((const char *)child->name, name);
	if (!child->ns || strcmp((const char *)child->ns->href, VMSEG_NAMESPACE) != 0)
		return reject(reader, child, "it is not in namespace %s", VMSEG_NAMESPACE);
	once = is_listed(name, form->once);
	if (!once && !is_listed(name, form->repeated))
		return reject(reader, child, "unknown element in <%s> (expected %s)",
			      (const char *)parent->name,
			      list_names(form->once, form->repeated, expected));
	if (once && find_earlier(child))
		return reject(reader, child, "it is already given on line %d",
			      line_of(reader, find_earlier(child)));
	return 0;
}

static int check_text(const struct reader *reader, const xmlNode *element, const xmlNode *node)
{
	const char *text = (const char *)node->content;
	char value[QUOTE_BYTES];

	text += strspn(text, " \t\r\n");
	if (!*text)
		return 0;
	return reject(reader, element, "unexpected text \"%s\"", quote(text, value));
}

int check_form(const struct reader *reader, const xmlNode *element, const struct element_form *form)
{
	int r = check_attributes(reader, element, form);

	for (const xmlNode *node = element->children; !r && node; node = node->next) {
		switch (node->type) {
		case XML_ELEMENT_NODE:
			r = check_child(reader, element, node, form);
			break;
		case XML_TEXT_NODE:
			r = form->text ? 0 : check_text(reader, element, node);
			break;
		case XML_COMMENT_NODE:
		case XML_PI_NODE:
			break;
		default:
			r = reject(reader, element, "it contains something other than elements");
		}
	}
	return r;
}

/* ---- values --------------------------------------------------------------------------------- */

static int reject_missing(const struct reader *reader, const xmlNode *element,
			  const char *attribute)
{
	return reject(reader, element, "attribute \"%s\" is missing", attribute);
}

static const char *list_keywords(const struct keyword *keywords, char out[static EXPECTED_BYTES])
{
	size_t left = 0;

	while (keywords[left].word)
		left++;
	out[0] = '\0';
	for (; keywords->word; keywords++)
		append_word(out, EXPECTED_BYTES, keywords->word, --left);
	return out;
}

int read_keyword(const struct reader *reader, const xmlNode *element, const char *attribute,
		 bool required, const struct keyword *keywords, int *ret)
{
	char expected[EXPECTED_BYTES], quoted[QUOTE_BYTES];
	const char *value = attribute_value(element, attribute);

	if (!value && required)
		return reject(reader, element, "attribute \"%s\" is missing (expected %s)",
			      attribute, list_keywords(keywords, expected));
	if (!value)
		return 0;
	for (const struct keyword *keyword = keywords; keyword->word; keyword++) {
		if (strcmp(value, keyword->word) == 0) {
			*ret = keyword->value;
			return 0;
		}
	}
	return reject(reader, element, "%s=\"%s\" is not known (expected %s)", attribute,
		      quote(value, quoted), list_keywords(keywords, expected));
}

bool parse_number(const char *text, int64_t least, int64_t most, int64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	int64_t value = 0;

	/* 18 digits fit in 63 bits. */
	if (digits == 0 || digits > 18 || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	if (value < least || value > most)
		return false;
	*ret = value;
	return true;
}

int read_number(const struct reader *reader, const xmlNode *element, const char *attribute,
		bool required, int64_t least, int64_t most, int64_t *ret)
{
	const char *value = attribute_value(element, attribute);
	char quoted[QUOTE_BYTES];

	if (!value)
		return required ? reject_missing(reader, element, attribute) : 0;
	if (parse_number(value, least, most, ret))
		return 0;
	return reject(reader, element, "%s=\"%s\" is not a number from %lld to %lld", attribute,
		      quote(value, quoted), (long long)least, (long long)most);
}

/* Splits "80" or "80-90"; does not check the order. */
static bool split_port_range(const char *text, int64_t *ret_first, int64_t *ret_last)
{
	const char *dash = strchr(text, '-');
	char first[8];

	if (!dash) {
		if (!parse_number(text, 0, UINT16_MAX, ret_first))
			return false;
		*ret_last = *ret_first;
		return true;
	}
	if ((size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	return parse_number(first, 0, UINT16_MAX, ret_first) &&
	       parse_number(dash + 1, 0, UINT16_MAX, ret_last);
}

int read_port_range(const struct reader *reader, const xmlNode *element, const char *attribute,
		    uint16_t *ret_first, uint16_t *ret_last)
{
	const char *value = attribute_value(element, attribute);
	char quoted[QUOTE_BYTES];
	int64_t first, last;

	if (!value)
		return 0;
	if (!split_port_range(value, &first, &last))
		return reject(reader, element,
			      "%s=\"%s\" is not a port or a range of ports from 0 to 65535 "
			      "(expected for example 80 or 8000-8080)",
			      attribute, quote(value, quoted));
	if (first > last)
		return reject(reader, element,
			      "%s=\"%s\" is a reversed range (did you mean %lld-%lld?)", attribute,
			      value, (long long)last, (long long)first);
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return 0;
}

int read_name(const struct reader *reader, const xmlNode *element, const char *attribute,
	      bool required, char **ret)
{
	const char *value = attribute_value(element, attribute);
	char quoted[QUOTE_BYTES];
	char *name;

	if (!value)
		return required ? reject_missing(reader, element, attribute) : 0;
	if (strlen(value) > NAME_MAX_BYTES)
		return reject(reader, element, "%s=\"%s\" is %zu bytes long (at most %d)",
			      attribute, quote(value, quoted), strlen(value), NAME_MAX_BYTES);
	if (!is_name(value))
		return reject(reader, element,
			      "%s=\"%s\" is not a name (expected letters, digits, '.', '_' and "
			      "'-', starting with a letter or digit)",
			      attribute, quote(value, quoted));
	name = strdup(value);
	if (!name)
		return out_of_memory(reader);
	*ret = name;
	return 0;
}

int parse_prefix_value(const struct reader *reader, const xmlNode *element, const char *what,
		       const char *text, struct prefix *ret)
{
	enum prefix_fault fault = parse_prefix(text, ret);
	char quoted[QUOTE_BYTES], description[128];

	if (fault == PREFIX_OK)
		return 0;
	describe_prefix_fault(fault, text, description, sizeof(description));
	return reject(reader, element, "%s \"%s\": %s", what, quote(text, quoted), description);
}

int read_prefix(const struct reader *reader, const xmlNode *element, const char *attribute,
		struct prefix *ret)
{
	const char *value = attribute_value(element, attribute);

	if (!value)
		return reject_missing(reader, element, attribute);
	return parse_prefix_value(reader, element, attribute, value, ret);
}

/* Character data of an element that check_form() has seen: no elements, and no references. */
static size_t text_bytes(const xmlNode *element)
{
	size_t size = 0;

	for (const xmlNode *node = element->children; node; node = node->next)
		size += node->type == XML_TEXT_NODE ? strlen((const char *)node->content) : 0;
	return size;
}

int read_text(const struct reader *reader, const xmlNode *element, char **ret)
{
	char *text = malloc(text_bytes(element) + 1), *end = text;
	bool gap = false;

	if (!text)
		return out_of_memory(reader);
	for (const xmlNode *node = element->children; node; node = node->next) {
		const char *at = node->type == XML_TEXT_NODE ? (const char *)node->content : "";

		for (; *at; at++) {
			bool blank = strchr(" \t\r\n", *at);

			if (!blank && gap && end > text)
				*end++ = ' ';
			if (!blank)
				*end++ = *at;
			gap = blank;
		}
	}
	*end = '\0';
	*ret = text;
	return 0;
}
