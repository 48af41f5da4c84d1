/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the parser, by what they read. Each takes the element to read and fills the struct
 * that it stands for; 0 or -errno with an error in the reader's diag. What a failed call leaves in
 * the struct is freed with it.
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

/* What stands inside <policy>, in a file or inline. */
int parse_policy_content(const struct reader *reader, const xmlNode *element,
			 struct policy *policy);

/* <domain>. */
int parse_domain_element(const struct reader *reader, const xmlNode *element,
			 struct domain_policy *policy);

#endif
