/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RELAX NG schema, made from policies/vmseg.rng.in.
 */
#ifndef VMSEG_POLICY_SCHEMA_H
#define VMSEG_POLICY_SCHEMA_H

#include <libxml/tree.h>

#include "hostd/policy/read/reader.h"

/* The path of the schema; NULL: the installed one. The string must stay valid. */
void set_schema_path(const char *path);

/* Returns 0, -EINVAL with the schema's objection in the reader's diag, or another -errno when the
 * schema itself cannot be used. */
int validate_document(const struct reader *reader, xmlDoc *document);

#endif
