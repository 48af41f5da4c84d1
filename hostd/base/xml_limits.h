/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits on a text, checked before libxml2 reads it. libxml2 compares each attribute of an element
 * with all others, and searches all namespaces in scope for each name. Within these limits its time
 * is linear in the size of the text.
 */
#ifndef VMSEG_XML_LIMITS_H
#define VMSEG_XML_LIMITS_H

#include <stddef.h>

#include "hostd/base/diag.h"

#define XML_BYTES_MAX      (8 << 20) /* less than the 10,000,000 that libxml2 reads at once */
#define XML_DEPTH_MAX      256       /* elements in each other; libxml2's own limit, too */
#define XML_ATTRIBUTES_MAX 128       /* of one element, declarations of namespaces included */
#define XML_NAMESPACES_MAX 64        /* declarations in scope */
#define XML_NODES_MAX      (1 << 18) /* elements, comments and the like */

/* Looks at the text once, from start to end. Returns 0, or -EINVAL with an error in diag. Also
 * refuses what is not UTF-8 or says that it is not. A text that is not well-formed may pass: it is
 * looked at up to its first fault at least. */
int check_xml_limits(const char *xml, size_t size, const char *source, int first_line,
		     struct diag *diag);

#endif
