/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Validation by the schema. It is parsed once and kept: every document needs it.
 */
#include "hostd/policy/schema.h"

#include <errno.h>
#include <libxml/relaxng.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/parse.h"

#define INSTALLED_SCHEMA VMSEG_DATADIR "/vmseg.rng"

static const char *schema_path = INSTALLED_SCHEMA;
static xmlRelaxNG *schema;

void set_schema_path(const char *path)
{
	xmlRelaxNGFree(schema);
	schema = NULL;
	schema_path = path ? path : INSTALLED_SCHEMA;
}

static void free_schema_parser(xmlRelaxNGParserCtxt **parser)
{
	xmlRelaxNGFreeParserCtxt(*parser);
}

static void free_validator(xmlRelaxNGValidCtxt **validator)
{
	xmlRelaxNGFreeValidCtxt(*validator);
}

#if LIBXML_VERSION >= 21200
typedef const xmlError reported_error;
#else
typedef xmlError reported_error;
#endif

/* libxml2 reports several errors from the inside out; the first is the most exact. */
static void keep_first_error(void *data, reported_error *error)
{
	xmlError *first = data;

	if (!first->message)
		xmlCopyError(error, first);
}

/* libxml2 ends its messages with a line feed. */
static int message_length(const xmlError *error)
{
	return error->message ? (int)strcspn(error->message, "\n") : 0;
}

static int load_schema(const struct reader *reader)
{
	_cleanup_(free_schema_parser) xmlRelaxNGParserCtxt *parser = NULL;
	_cleanup_(xmlResetError) xmlError first = {0};

	if (schema)
		return 0;
	if (access(schema_path, R_OK) < 0)
		return fail(reader->diag, errno, schema_path, 0, "cannot read the schema: %s",
			    strerror(errno));
	parser = xmlRelaxNGNewParserCtxt(schema_path);
	if (!parser)
		return out_of_memory(reader);
	xmlRelaxNGSetParserStructuredErrors(parser, keep_first_error, &first);
	schema = xmlRelaxNGParse(parser);
	if (!schema)
		return fail(reader->diag, EIO, schema_path, first.line,
			    "cannot use the schema: %.*s", message_length(&first), first.message);
	return 0;
}

int validate_document(const struct reader *reader, xmlDoc *document)
{
	_cleanup_(free_validator) xmlRelaxNGValidCtxt *validator = NULL;
	_cleanup_(xmlResetError) xmlError first = {0};
	int r = load_schema(reader);

	if (r)
		return r;
	validator = xmlRelaxNGNewValidCtxt(schema);
	if (!validator)
		return out_of_memory(reader);
	xmlRelaxNGSetValidStructuredErrors(validator, keep_first_error, &first);
	r = xmlRelaxNGValidateDoc(validator, document);
	if (r == 0)
		return 0;
	if (r < 0)
		return fail(reader->diag, EIO, reader->source, 0, "the schema cannot be applied");
	return fail(reader->diag, EINVAL, reader->source,
		    first.line ? reader->first_line - 1 + first.line : 0,
		    "it does not follow the schema %s: %.*s", schema_path, message_length(&first),
		    first.message ? first.message : "");
}
