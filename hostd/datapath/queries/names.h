/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people see instead of numbers.
 */
#ifndef VMSEG_DATAPATH_NAMES_H
#define VMSEG_DATAPATH_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Names from reasons.def and states.def; "?" for a number that is none. */
const char *reason_name(uint8_t reason);
const char *reason_help(uint8_t reason);
bool reason_passes(uint8_t reason);
const char *state_name(uint8_t state);

#endif
