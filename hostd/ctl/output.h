/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is printed: JSON, errors, and texts that are safe for a terminal.
 */
#ifndef VMSEG_OUTPUT_H
#define VMSEG_OUTPUT_H

#include <jansson.h>

#include "hostd/base/diag.h"

/* Makes every text in a value such that it can be shown: see escape_text(). Texts of policies stay
 * as they are: members "xml", "before" and "after". */
void escape_texts(json_t *value);

/* Prints the error and returns STATUS_FAILED. */
int print_error(struct diag *diag);

/* Prints JSON, indented, for --json. Returns STATUS_OK, or STATUS_FAILED when stdout is broken. */
int print_json(const json_t *value);

#endif
