/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Safe use of libxml2's parser.
 */
#include "hostd/base/xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "hostd/base/cleanup.h"

static void free_context(xmlParserCtxt **context)
{
	xmlFreeParserCtxt(*context);
}

/* Stops at "<!DOCTYPE", before a single declaration of it is read. */
static void refuse_doctype(void *data, const xmlChar *name, const xmlChar *external_id,
			   const xmlChar *system_id)
{
	xmlParserCtxt *context = data;
	int *line = context->_private;

	(void)name;
	(void)external_id;
	(void)system_id;
	*line = context->input->line;
	xmlStopParser(context);
}

/* UTF-8 is what every tool writes and what the control protocol can carry. libxml2 would end the
 * document at a NUL that comes behind its last element, whatever follows. */
static int refuse_nul(const char *xml, size_t size, const char *source, int first_line,
		      struct diag *diag)
{
	const char *nul = size ? memchr(xml, '\0', size) : NULL;
	int line = first_line;

	if (!nul)
		return 0;
	for (const char *byte = xml; byte < nul; byte++)
		line += *byte == '\n';
	return fail(diag, EINVAL, source, line, "there is a NUL byte (expected UTF-8 text)");
}

static int check_encoding(const xmlDoc *document, const char *source, int first_line,
			  struct diag *diag)
{
	const char *encoding = (const char *)document->encoding;

	if (!encoding || strcasecmp(encoding, "UTF-8") == 0)
		return 0;
	return fail(diag, EINVAL, source, first_line,
		    "encoding \"%s\" is not known (expected UTF-8)", encoding);
}

/* libxml2 ends its messages with a line feed. */
static int report_fault(xmlParserCtxt *context, const char *source, int first_line,
			struct diag *diag)
{
	const xmlError *error = xmlCtxtGetLastError(context);
	const char *message = error && error->message ? error->message : "no reason given";
	int line = error ? error->line : 0;

	if (error && error->code == XML_ERR_NO_MEMORY)
		return fail(diag, ENOMEM, source, 0, "out of memory");
	return fail(diag, EINVAL, source, line ? first_line - 1 + line : 0, "not valid XML: %.*s",
		    (int)strcspn(message, "\n"), message);
}

int parse_xml(const char *xml, size_t size, const char *source, int first_line, xmlDoc **ret,
	      struct diag *diag)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
			    XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES;
	_cleanup_(free_context) xmlParserCtxt *context = NULL;
	_cleanup_(free_xml) xmlDoc *document = NULL;
	int doctype_line = 0, r;

	if (size > INT_MAX)
		return fail(diag, EFBIG, source, 0, "the document is too large");
	r = refuse_nul(xml, size, source, first_line, diag);
	if (r < 0)
		return r;
	context = xmlNewParserCtxt();
	if (!context)
		return fail(diag, ENOMEM, source, 0, "out of memory");
	context->_private = &doctype_line;
	context->sax->internalSubset = refuse_doctype;
	document = xmlCtxtReadMemory(context, xml, (int)size, NULL, NULL, options);
	if (doctype_line)
		return fail(diag, EINVAL, source, first_line - 1 + doctype_line,
			    "a document type declaration (<!DOCTYPE>) is not accepted");
	if (!document || !context->wellFormed || !context->nsWellFormed)
		return report_fault(context, source, first_line, diag);
	r = check_encoding(document, source, first_line, diag);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(document);
	return 0;
}

void free_xml(xmlDoc **document)
{
	xmlFreeDoc(*document);
	*document = NULL;
}

static xmlNode *skip_to_element(xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *first_element(const xmlNode *parent)
{
	return skip_to_element(parent->children);
}

xmlNode *next_element(const xmlNode *node)
{
	return skip_to_element(node->next);
}

bool has_name(const xmlNode *element, const char *name)
{
	return strcmp((const char *)element->name, name) == 0;
}

const char *attribute_value(const xmlNode *element, const char *name)
{
	const xmlAttr *attribute = xmlHasNsProp(element, (const xmlChar *)name, NULL);

	if (!attribute)
		return NULL;
	/* Without entities a value is one text node, or none when it is empty. */
	return attribute->children ? (const char *)attribute->children->content : "";
}
