/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XML text to a libxml2 document, safely: no document type declaration (so no entities and no
 * external parts), no network, prefixes declared, libxml2's own limits on depth and size.
 */
#ifndef VMSEG_XML_H
#define VMSEG_XML_H

#include <libxml/tree.h>

#include "hostd/base/diag.h"

#define VMSEG_NAMESPACE "urn:vmseg:1"

/* Returns 0, or -errno with an error in diag: -EINVAL for text that is not well-formed. `source`
 * names the text in messages; its first line counts as first_line. */
int parse_xml(const char *xml, size_t size, const char *source, int first_line, xmlDoc **ret,
	      struct diag *diag);

/* For _cleanup_(). */
void free_xml(xmlDoc **document);

/* Next element after (or, for first_element, below) a node; NULL: none. */
xmlNode *first_element(const xmlNode *parent);
xmlNode *next_element(const xmlNode *node);

bool has_name(const xmlNode *element, const char *name);

/* The value of an attribute without namespace, borrowed from the document; NULL: not there. */
const char *attribute_value(const xmlNode *element, const char *name);

#endif
