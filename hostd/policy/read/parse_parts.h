/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the parser, by the element that they read. Each takes an element and fills the
 * struct for it; 0, or -errno with an error in the reader's diag. The parts that a failed call
 * leaves in the struct are freed with it.
 */
#ifndef VMSEG_POLICY_PARSE_PARTS_H
#define VMSEG_POLICY_PARSE_PARTS_H

#include "hostd/policy/model.h"
#include "hostd/policy/read/reader.h"

/* Fills `place` for an element. */
int set_place(const struct reader *reader, const xmlNode *element, struct place *place);

/* <rule> with its remotes and services. */
int parse_rule(const struct reader *reader, const xmlNode *element, struct rule *rule);

/* <default>, <guards> or <limits>, whichever the element is; others are passed over. */
int parse_setting(const struct reader *reader, const xmlNode *element, struct defaults *defaults,
		  struct guards *guards, struct limits *limits);

/* The content of <policy>, in a file or inline. */
int parse_policy_content(const struct reader *reader, const xmlNode *element,
			 struct policy *policy);

/* <domain>. */
int parse_domain_element(const struct reader *reader, const xmlNode *element,
			 struct domain_policy *policy);

#endif
