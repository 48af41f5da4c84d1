/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people see instead of numbers.
 */
#ifndef VMSEG_DATAPATH_NAMES_H
#define VMSEG_DATAPATH_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* The columns of all_reasons.def and states.def; "?" or false for a number that is none. Not every
 * number below REASON_COUNT is a reason's. */
bool is_reason(uint8_t reason);
const char *reason_name(uint8_t reason);
const char *reason_help(uint8_t reason);
bool reason_passes(uint8_t reason);
bool reason_asks_policy(uint8_t reason);
const char *state_name(uint8_t state);

#endif
