/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the daemon's replies. A missing member, or one of another type, is "", 0 or false.
 */
#ifndef VMSEG_REPLY_H
#define VMSEG_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *get_text(const json_t *object, const char *name);
json_int_t get_number(const json_t *object, const char *name);
/* Of "vlan" and "inner_vlan", as format_vlan() takes it. */
uint32_t get_vlans(const json_t *object);
bool get_flag(const json_t *object, const char *name);

/* "a, b, c"; `none` when the array is empty. The caller frees it; NULL when out of memory. */
char *join_texts(const json_t *array, const char *none);

#endif
