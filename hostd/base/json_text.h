/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text from outside as JSON.
 */
#ifndef VMSEG_JSON_TEXT_H
#define VMSEG_JSON_TEXT_H

#include <jansson.h>

/* A string, or null for NULL. A string of JSON is UTF-8, and jansson makes nothing of one that is
 * not: then bytes that are none become '?', so that what the text belongs to is not lost with it.
 */
json_t *json_text(const char *text);

#endif
