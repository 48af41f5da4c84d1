/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Safe use of libxml2's parser.
 */
#include "hostd/base/xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/text.h"
#include "hostd/base/xml_limits.h"
#include "hostd/base/xml_memory.h"

/* The input of the work with libxml2, and its result. */
struct parsing {
	const char *xml;
	int size;
	xmlDoc *document;
	int doctype_line; /* 0: there is none */
	struct xml_fault fault;
};

/* Stops at "<!DOCTYPE", before a single declaration of it is read. */
static void refuse_doctype(void *data, const xmlChar *name, const xmlChar *external_id,
			   const xmlChar *system_id)
{
	xmlParserCtxt *context = data;
	struct parsing *parsing = context->_private;

	(void)name;
	(void)external_id;
	(void)system_id;
	parsing->doctype_line = context->input->line;
	leave_xml_work(EINVAL);
}

void note_xml_fault(struct xml_fault *fault, const xmlError *error)
{
	if (fault->message[0])
		return;
	fault->line = error->line;
	snprintf(fault->message, sizeof(fault->message), "%s",
		 error->message ? error->message : "no reason given");
	/* libxml2 ends its messages with a line feed. */
	fault->message[strcspn(fault->message, "\n")] = '\0';
	end_at_character(fault->message);
}

/* The first fault ends it: libxml2 would read on, and its work would have no bound. */
static void stop_at_fault(void *data, reported_xml_error *error)
{
	xmlParserCtxt *context = data;
	struct parsing *parsing = context->_private;

	if (error->level < XML_ERR_ERROR)
		return;
	note_xml_fault(&parsing->fault, error);
	leave_xml_work(error->code == XML_ERR_NO_MEMORY ? ENOMEM : EINVAL);
}

static void parse_document(void *data)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES;
	struct parsing *parsing = data;
	xmlParserCtxt *context = xmlNewParserCtxt();

	context->_private = parsing;
	context->sax->internalSubset = refuse_doctype;
	context->sax->serror = stop_at_fault;
	parsing->document =
		xmlCtxtReadMemory(context, parsing->xml, parsing->size, NULL, NULL, options);
	if (!parsing->document || !context->wellFormed || !context->nsWellFormed ||
	    context->errNo == XML_ERR_NO_MEMORY)
		leave_xml_work(EINVAL);
	xmlFreeParserCtxt(context);
}

static int report_fault(const struct parsing *parsing, int error, const char *source,
			int first_line, struct diag *diag)
{
	int line = parsing->fault.line;

	if (error == ENOMEM)
		return fail_memory(diag, source);
	if (parsing->doctype_line)
		return fail(diag, EINVAL, source, first_line - 1 + parsing->doctype_line,
			    "a document type declaration (<!DOCTYPE>) is not accepted");
	return fail(diag, EINVAL, source, line ? first_line - 1 + line : 0, "not valid XML: %s",
		    parsing->fault.message);
}

int parse_xml(const char *xml, size_t size, const char *source, int first_line, xmlDoc **ret,
	      struct diag *diag)
{
	struct parsing parsing = {.xml = xml, .size = (int)size};
	int r = check_xml_limits(xml, size, source, first_line, diag);

	if (r < 0)
		return r;
	r = run_xml_work(parse_document, &parsing);
	if (r < 0)
		return report_fault(&parsing, -r, source, first_line, diag);
	*ret = parsing.document;
	return 0;
}

void free_xml(xmlDoc **document)
{
	xmlFreeDoc(*document);
	*document = NULL;
}

/* ---- text ----------------------------------------------------------------------------------- */

struct printing {
	xmlNode *element;
	char *text; /* libxml2's */
};

/* With the namespaces that it inherits. */
static void print_element(void *data)
{
	struct printing *printing = data;
	xmlBuffer *buffer = xmlBufferCreate();
	xmlDoc *document = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *copy = xmlDocCopyNode(printing->element, document, 1);

	xmlDocSetRootElement(document, copy);
	if (xmlReconciliateNs(document, copy) < 0 || xmlNodeDump(buffer, document, copy, 0, 0) < 0)
		leave_xml_work(ENOMEM);
	printing->text = (char *)xmlBufferDetach(buffer);
	xmlBufferFree(buffer);
	xmlFreeDoc(document);
}

int write_xml(const xmlNode *element, char **ret)
{
	struct printing printing = {.element = (xmlNode *)element};
	int r = run_xml_work(print_element, &printing);

	if (r < 0)
		return r;
	*ret = printing.text;
	return 0;
}

/* ---- a document ----------------------------------------------------------------------------- */

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

xmlNode *find_child(const xmlNode *parent, const char *name)
{
	for (xmlNode *child = parent ? first_element(parent) : NULL; child;
	     child = next_element(child)) {
		if (has_name(child, name) && !child->ns)
			return child;
	}
	return NULL;
}

const char *attribute_value(const xmlNode *element, const char *name)
{
	const xmlAttr *attribute = xmlHasNsProp(element, (const xmlChar *)name, NULL);

	if (!attribute)
		return NULL;
	/* Without entities a value is one text node, or none when it is empty. */
	return attribute->children ? (const char *)attribute->children->content : "";
}
