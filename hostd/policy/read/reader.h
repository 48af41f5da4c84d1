/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict reading of vmseg's XML: what an element may contain and what it must contain, with one
 * message for each error. Every function returns 0, or -EINVAL (-ENOMEM) with an error in the
 * reader's diag. Outputs are unchanged then, and also if an optional attribute is missing.
 */
#ifndef VMSEG_POLICY_READER_H
#define VMSEG_POLICY_READER_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/address.h"
#include "hostd/base/diag.h"

struct reader {
	const char *source; /* names the text in messages */
	int first_line;     /* number of the text's first line */
	struct diag *diag;
};

int line_of(const struct reader *reader, const xmlNode *element);

/* Records "<element>: ..." at the element's line; returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int reject(const struct reader *reader,
						 const xmlNode *element, const char *format, ...);
int out_of_memory(const struct reader *reader);

/* A value for use in a message: control characters replaced, cut when it is long. */
#define QUOTE_BYTES 80
const char *quote(const char *value, char out[static QUOTE_BYTES]);

/* The names that an element may contain. Lists end with NULL. */
struct element_form {
	const char *const *attributes;
	const char *const *once;     /* child elements, at most one of each name */
	const char *const *repeated; /* child elements, any number of each */
	bool text;                   /* character data; with it, no child elements */
};

/* Checks names, namespaces and text of the element; not the values. */
int check_form(const struct reader *reader, const xmlNode *element,
	       const struct element_form *form);

/* A word and what it means; a table of them ends with word NULL. */
struct keyword {
	const char *word;
	int value;
};

/* Each reads one attribute; `required` ones must be there. */
int read_keyword(const struct reader *reader, const xmlNode *element, const char *attribute,
		 bool required, const struct keyword *keywords, int *ret);
int read_number(const struct reader *reader, const xmlNode *element, const char *attribute,
		bool required, int64_t least, int64_t most, int64_t *ret);
/* "80" or "80-90", 0 to 65535. */
int read_port_range(const struct reader *reader, const xmlNode *element, const char *attribute,
		    uint16_t *ret_first, uint16_t *ret_last);
/* A name (model.h, NAME_MAX_BYTES); the caller owns it. */
int read_name(const struct reader *reader, const xmlNode *element, const char *attribute,
	      bool required, char **ret);
int read_prefix(const struct reader *reader, const xmlNode *element, const char *attribute,
		struct prefix *ret);

/* `text` as a prefix; `what` names it in messages ("cidr"). */
int parse_prefix_value(const struct reader *reader, const xmlNode *element, const char *what,
		       const char *text, struct prefix *ret);

/* Decimal digits without a sign or leading zeros, least to most. */
bool parse_number(const char *text, int64_t least, int64_t most, int64_t *ret);

/* The element's text, white space collapsed; the caller owns it. */
int read_text(const struct reader *reader, const xmlNode *element, char **ret);

#endif
