/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What XML may hold: exactly so much, and no more; comments and values do not count as markup. */
#include "hostd/base/cleanup.h"
#include "hostd/base/xml.h"
#include "hostd/base/xml_limits.h"
#include "tests/harness/test.h"

/* A text of head, count parts, count closing parts and tail; a part's '#' becomes its number. */
struct text {
	const char *head, *part, *close, *tail;
};

static void write_part(FILE *stream, const char *part, size_t number)
{
	for (; *part; part++) {
		if (*part == '#')
			fprintf(stream, "%zu", number);
		else
			fputc(*part, stream);
	}
}

static char *make_text(const struct text *text, size_t count, size_t *ret_size)
{
	char *made = NULL;
	FILE *stream = open_memstream(&made, ret_size);

	assert_non_null(stream);
	fputs(text->head, stream);
	for (size_t i = 0; i < count; i++)
		write_part(stream, text->part, i);
	for (size_t i = count; i > 0; i--)
		write_part(stream, text->close, i - 1);
	fputs(text->tail, stream);
	assert_int_equal(fclose(stream), 0);
	return made;
}

/* message NULL: it is accepted, by libxml2, too. */
static void expect(const char *text, size_t size, const char *message)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_(free_xml) xmlDoc *document = NULL;
	int r = parse_xml(text, size, "F", 1, &document, &diag);

	assert_string_equal(diag_message(&diag), message ? message : "");
	assert_int_equal(r, message ? -EINVAL : 0);
	assert_int_equal(document != NULL, !message);
}

static const struct {
	struct text text;
	size_t most;
	const char *message;
} bounds[] = {
	{{"<a\n", " b#='>\"'", "", "/>"},
	 XML_ATTRIBUTES_MAX,
	 "F:2: there are too many attributes of one element (at most 128)"},
	{{"<a>\n<b", "\txmlns:b# =\"u:\"", "", "/></a>"},
	 XML_NAMESPACES_MAX,
	 "F:2: there are too many namespaces (at most 64)"},
	/* Of the elements that are open. */
	{{"<a><b xmlns:o='u:'></b><c xmlns:o='u:'/>", "<x#:d xmlns:x#='u:'>", "</x#:d>", "</a>"},
	 XML_NAMESPACES_MAX,
	 "F:1: there are too many namespaces (at most 64)"},
	{{"<!-- <a> --><?b <a>?>", "<a><!-- <b> --><![CDATA[<c>]]>", "</a>", ""},
	 XML_DEPTH_MAX,
	 "F:1: there are too many levels of nested elements (at most 256)"},
	{{"<a>", "<b/>", "", "</a>"},
	 XML_NODES_MAX - 2,
	 "F:1: there are too many elements and comments (at most 262144)"},
	{{"<a>", "<!--<-->", "", "</a>"},
	 XML_NODES_MAX - 2,
	 "F:1: there are too many elements and comments (at most 262144)"},
};

static void limits_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		size_t size, more;
		_cleanup_free_ char *good = make_text(&bounds[i].text, bounds[i].most, &size);
		_cleanup_free_ char *bad = make_text(&bounds[i].text, bounds[i].most + 1, &more);

		expect(good, size, NULL);
		expect(bad, more, bounds[i].message);
	}
}

static void a_text_has_a_size(void **state)
{
	_cleanup_free_ char *text = malloc(XML_BYTES_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', XML_BYTES_MAX + 1);
	memcpy(text, "<a/>", 4);
	expect(text, XML_BYTES_MAX, NULL);
	expect(text, XML_BYTES_MAX + 1, "F: it is 8388609 bytes long (at most 8388608)");
}

/* Fifty thousand attributes cost libxml2 minutes: wherever they are, they are seen before. */
static void attributes_are_seen_everywhere(void **state)
{
	static const struct text places[] = {
		{"<!-- ' --><a>'<b x='\"'", " c#=''", "", "/></a>"},
		{"<?a \"?><![CDATA[ \" ]]><a ", " c#=''", "", "/>"},
		{"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a>&lt;</a><b ", " c#=''", "",
		 "/>"},
		{"<a><b c='d'e='f'><c/ ", " c#=''", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t size;
		_cleanup_free_ char *text = make_text(&places[i], 50000, &size);

		expect(text, size,
		       "F:1: there are too many attributes of one element (at most 128)");
	}
}

/* In another encoding these bytes are a document. */
static void there_is_one_encoding(void **state)
{
	static const char ebcdic[] = "\x4c\x6f\xa7\x94\x93\x40\xa5\x85\x99\xa2\x89\x96\x95\x7e\x7f"
				     "\xf1\x4b\xf0\x7f\x6f\x6e\x4c\x81\x61\x6e";
	static const char utf7[] = "<?xml version='1.0'\nencoding = \"UTF-7\"?><a>+ADw-b/+AD4-</a>";

	(void)state;
	expect(ebcdic, sizeof(ebcdic) - 1, "F:1: there are bytes that are not UTF-8 text");
	expect(utf7, sizeof(utf7) - 1, "F:1: encoding \"UTF-7\" is not known (expected UTF-8)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(a_text_has_a_size),
		cmocka_unit_test(attributes_are_seen_everywhere),
		cmocka_unit_test(there_is_one_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
