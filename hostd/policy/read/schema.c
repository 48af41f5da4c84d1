/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Validation by the schema. It is parsed once and kept: every document needs it.
 */
#include "hostd/policy/read/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libxml/relaxng.h>
#include <libxml/xmlschemastypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/xml.h"
#include "hostd/base/xml_memory.h"

#define SCHEMA_BYTES_MAX (1 << 20)

#define INSTALLED_SCHEMA VMSEG_DATADIR "/vmseg.rng"

static const char *schema_path = INSTALLED_SCHEMA;
static xmlRelaxNG *schema;

void set_schema_path(const char *path)
{
	xmlRelaxNGFree(schema);
	schema = NULL;
	schema_path = path ? path : INSTALLED_SCHEMA;
}

/* ---- the schema's text ---------------------------------------------------------------------- */

/* libxml2 is given the text and not the path: it would look into its catalog of schemas first. */
static int read_schema(const struct reader *reader, char **ret_text, size_t *ret_size)
{
	_cleanup_close_ int fd = open(schema_path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat status;
	ssize_t size;

	if (fd < 0 || fstat(fd, &status) < 0)
		return fail(reader->diag, errno, schema_path, 0, "cannot read the schema: %s",
			    strerror(errno));
	if (status.st_size > SCHEMA_BYTES_MAX)
		return fail(reader->diag, EFBIG, schema_path, 0, "cannot read the schema: %s",
			    strerror(EFBIG));
	text = malloc((size_t)status.st_size + 1);
	if (!text)
		return out_of_memory(reader);
	size = read(fd, text, (size_t)status.st_size);
	if (size < 0)
		return fail(reader->diag, errno, schema_path, 0, "cannot read the schema: %s",
			    strerror(errno));
	*ret_text = TAKE_PTR(text);
	*ret_size = (size_t)size;
	return 0;
}

/* ---- work for libxml2 ----------------------------------------------------------------------- */

struct loading {
	const char *text;
	int size;
	xmlRelaxNG *schema;
	struct xml_fault fault;
};

static void note_fault(void *data, reported_xml_error *error)
{
	note_xml_fault(data, error);
}

/* Both are made once for the process, so not by the work that uses them first: that may be undone.
 * Nor by one work: libxml2 keeps each that is complete. */
static void make_data_types(void *data)
{
	(void)data;
	xmlSchemaInitTypes();
}

static void make_type_libraries(void *data)
{
	(void)data;
	xmlRelaxNGInitTypes();
}

static void parse_schema(void *data)
{
	struct loading *loading = data;
	xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewMemParserCtxt(loading->text, loading->size);

	xmlRelaxNGSetParserStructuredErrors(parser, note_fault, &loading->fault);
	loading->schema = xmlRelaxNGParse(parser);
	if (!loading->schema || loading->fault.message[0])
		leave_xml_work(EIO);
	xmlRelaxNGFreeParserCtxt(parser);
}

struct validation {
	const xmlDoc *document;
	int result; /* of xmlRelaxNGValidateDoc() */
	struct xml_fault fault;
};

/* libxml2 reports several errors from the inside out; the first is the most exact. It takes lists
 * of elements apart while it looks at them (<interleave>), so it gets a copy: the work may be left.
 */
static void validate(void *data)
{
	struct validation *validation = data;
	xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema);
	xmlDoc *copy = xmlCopyDoc((xmlDoc *)validation->document, 1);

	xmlRelaxNGSetValidStructuredErrors(validator, note_fault, &validation->fault);
	validation->result = xmlRelaxNGValidateDoc(validator, copy);
	xmlFreeDoc(copy);
	xmlRelaxNGFreeValidCtxt(validator);
}

/* ---- validation ----------------------------------------------------------------------------- */

static int load_schema(const struct reader *reader)
{
	struct loading loading = {0};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	if (schema)
		return 0;
	r = read_schema(reader, &text, &size);
	if (r < 0)
		return r;
	loading.text = text;
	loading.size = (int)size;
	r = run_xml_work(make_data_types, NULL);
	if (r == 0)
		r = run_xml_work(make_type_libraries, NULL);
	if (r == 0)
		r = run_xml_work(parse_schema, &loading);
	if (r == -ENOMEM)
		return out_of_memory(reader);
	if (r < 0)
		return fail(reader->diag, EIO, schema_path, loading.fault.line,
			    "cannot use the schema: %s", loading.fault.message);
	schema = loading.schema;
	return 0;
}

int validate_document(const struct reader *reader, xmlDoc *document)
{
	struct validation validation = {.document = document};
	const struct xml_fault *fault = &validation.fault;
	int r = load_schema(reader);

	if (r)
		return r;
	r = run_xml_work(validate, &validation);
	if (r < 0) {
		/* The schema was in use when the work was left: it is read again for the next
		 * document. */
		set_schema_path(schema_path);
		return out_of_memory(reader);
	}
	if (validation.result == 0)
		return 0;
	if (validation.result < 0)
		return fail(reader->diag, EIO, reader->source, 0, "the schema cannot be applied");
	return fail(reader->diag, EINVAL, reader->source,
		    fault->line ? reader->first_line - 1 + fault->line : 0,
		    "it does not follow the schema %s: %s", schema_path, fault->message);
}
