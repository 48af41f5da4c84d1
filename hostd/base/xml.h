/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XML text to a libxml2 document, safely: no document type declaration (so no entities and no
 * external parts), no network, prefixes declared, within the limits of xml_limits.h, and whole:
 * when memory runs out there is no document.
 */
#ifndef VMSEG_XML_H
#define VMSEG_XML_H

#include <libxml/tree.h>
#include <libxml/xmlerror.h>

#include "hostd/base/diag.h"

#define VMSEG_NAMESPACE "urn:vmseg:1"
/* Namespaces that begin like this, in any case of letters, are meant for vmseg. */
#define VMSEG_NAMESPACE_FAMILY "urn:vmseg"

/* Returns 0, or -errno with an error in diag: -EINVAL for text that is not well-formed or beyond
 * the limits, -ENOMEM. `source` names the text in messages; its first line counts as first_line. */
int parse_xml(const char *xml, size_t size, const char *source, int first_line, xmlDoc **ret,
	      struct diag *diag);

/* For _cleanup_(). */
void free_xml(xmlDoc **document);

/* The element as a document of its own, without declaration: its lines keep their distance from
 * each other. Returns 0 with a text that is allocated by malloc(), or -ENOMEM. */
int write_xml(const xmlNode *element, char **ret);

/* libxml2's error message. */
struct xml_fault {
	int line;          /* 0: not known */
	char message[256]; /* one line; "": nothing */
};

#if LIBXML_VERSION >= 21200
typedef const xmlError reported_xml_error;
#else
typedef xmlError reported_xml_error;
#endif

/* Notes the first error that is reported; the later ones follow from it. */
void note_xml_fault(struct xml_fault *fault, const xmlError *error);

/* Next element after (or, for first_element, below) a node; NULL: none. */
xmlNode *first_element(const xmlNode *parent);
xmlNode *next_element(const xmlNode *node);

bool has_name(const xmlNode *element, const char *name);

/* The first child element of that name without namespace; NULL: none, or no parent. */
xmlNode *find_child(const xmlNode *parent, const char *name);

/* The value of an attribute without namespace, borrowed from the document; NULL: not there. */
const char *attribute_value(const xmlNode *element, const char *name);

#endif
