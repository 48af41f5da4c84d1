/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the text of XML, without reading it: only where tags, comments and the like begin and
 * end (XML 1.0, 2.4 to 2.7, 3.1). The parser stops at the first fault, so there is no need to know
 * what it would make of the rest.
 */
#include "hostd/base/xml_limits.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "hostd/base/text.h"

struct scan {
	const char *start, *at, *end;
	const char *source;
	int first_line;
	struct diag *diag;
	size_t nodes;
	size_t depth;
	/* Namespaces that each open element and those around it declare. */
	uint16_t namespaces[XML_DEPTH_MAX + 1];
};

static int line_at(const struct scan *scan, const char *place)
{
	int line = scan->first_line;

	for (const char *byte = scan->start; byte < place; byte++)
		line += *byte == '\n';
	return line;
}

static int refuse_count(const struct scan *scan, const char *what, size_t most)
{
	return fail(scan->diag, EINVAL, scan->source, line_at(scan, scan->at),
		    "there are too many %s (at most %zu)", what, most);
}

/* ---- what is not XML in UTF-8 --------------------------------------------------------------- */

/* libxml2 ignores everything that follows a NUL after the document's last element. */
static int check_characters(const struct scan *scan)
{
	size_t size = (size_t)(scan->end - scan->start);
	size_t good = utf8_bytes(scan->start, size);
	const char *nul = size ? memchr(scan->start, '\0', size) : NULL;

	if (nul)
		return fail(scan->diag, EINVAL, scan->source, line_at(scan, nul),
			    "there is a NUL byte (expected UTF-8 text)");
	if (good < size)
		return fail(scan->diag, EINVAL, scan->source, line_at(scan, scan->start + good),
			    "there are bytes that are not UTF-8 text");
	return 0;
}

static bool starts_with(const struct scan *scan, const char *text)
{
	size_t size = strlen(text);

	return (size_t)(scan->end - scan->at) >= size && memcmp(scan->at, text, size) == 0;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static const char *find(const char *from, const char *end, const char *text)
{
	return memmem(from, (size_t)(end - from), text, strlen(text));
}

/* <?xml version="1.0" encoding="..."?>: in another encoding the bytes would mean something else
 * than what is looked for here. */
static int check_declaration(struct scan *scan)
{
	const char *end, *name, *quote, *close;

	if (starts_with(scan, "\xef\xbb\xbf")) /* a byte order mark */
		scan->at += 3;
	end = starts_with(scan, "<?xml") ? find(scan->at, scan->end, "?>") : NULL;
	name = end ? find(scan->at, end, "encoding") : NULL;
	if (!name)
		return 0;
	quote = name + strlen("encoding");
	while (quote < end && *quote != '"' && *quote != '\'')
		quote++;
	close = quote < end ? memchr(quote + 1, *quote, (size_t)(end - quote - 1)) : NULL;
	if (!close || (close - quote - 1 == 5 && strncasecmp(quote + 1, "UTF-8", 5) == 0))
		return 0;
	return fail(scan->diag, EINVAL, scan->source, scan->first_line,
		    "encoding \"%.*s\" is not known (expected UTF-8)", (int)(close - quote - 1),
		    quote + 1);
}

/* ---- markup --------------------------------------------------------------------------------- */

/* Goes behind the next `text`; false where there is none. */
static bool skip_past(struct scan *scan, const char *text)
{
	const char *found = find(scan->at, scan->end, text);

	scan->at = found ? found + strlen(text) : scan->end;
	return found;
}

/* Behind the name of a start tag. 1: the element is open; 0: it is closed, or not well-formed. */
static int scan_attributes(struct scan *scan, size_t *ret_namespaces)
{
	size_t attributes = 0;

	for (; scan->at < scan->end && *scan->at != '<'; scan->at++) {
		const char *close;

		if (*scan->at == '>')
			return scan->at[-1] != '/';
		if (is_blank(scan->at[-1]) && starts_with(scan, "xmlns"))
			++*ret_namespaces;
		if (*scan->at != '"' && *scan->at != '\'')
			continue;
		close = memchr(scan->at + 1, *scan->at, (size_t)(scan->end - scan->at - 1));
		if (!close)
			break;
		if (++attributes > XML_ATTRIBUTES_MAX)
			return refuse_count(scan, "attributes of one element", XML_ATTRIBUTES_MAX);
		scan->at = close;
	}
	scan->at = scan->end;
	return 0;
}

static int scan_start_tag(struct scan *scan)
{
	size_t namespaces = scan->namespaces[scan->depth];
	int open = scan_attributes(scan, &namespaces);

	if (open < 0)
		return open;
	if (namespaces > XML_NAMESPACES_MAX)
		return refuse_count(scan, "namespaces", XML_NAMESPACES_MAX);
	if (!open)
		return 0;
	if (scan->depth == XML_DEPTH_MAX)
		return refuse_count(scan, "levels of nested elements", XML_DEPTH_MAX);
	scan->namespaces[++scan->depth] = (uint16_t)namespaces;
	return 0;
}

/* Behind a "<". */
static int scan_markup(struct scan *scan)
{
	if (++scan->nodes > XML_NODES_MAX)
		return refuse_count(scan, "elements and comments", XML_NODES_MAX);
	if (starts_with(scan, "!--")) {
		skip_past(scan, "-->");
	} else if (starts_with(scan, "![CDATA[")) {
		skip_past(scan, "]]>");
	} else if (starts_with(scan, "?")) {
		skip_past(scan, "?>");
	} else if (starts_with(scan, "/")) {
		skip_past(scan, ">");
		if (scan->depth > 0)
			scan->depth--;
	} else if (!starts_with(scan, "!")) {
		return scan_start_tag(scan);
	} else {
		scan->at = scan->end; /* <!DOCTYPE: the parser goes no further */
	}
	return 0;
}

int check_xml_limits(const char *xml, size_t size, const char *source, int first_line,
		     struct diag *diag)
{
	struct scan scan = {.start = xml,
			    .at = xml,
			    .end = xml + size,
			    .source = source,
			    .first_line = first_line,
			    .diag = diag};
	int r;

	if (size > XML_BYTES_MAX)
		return fail(diag, EINVAL, source, 0, "it is %zu bytes long (at most %d)", size,
			    XML_BYTES_MAX);
	r = check_characters(&scan);
	if (r == 0)
		r = check_declaration(&scan);
	while (r == 0 && skip_past(&scan, "<"))
		r = scan_markup(&scan);
	return r;
}
