/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of sessions as the daemon describes them.
 */
#ifndef VMSEG_SESSION_LISTING_H
#define VMSEG_SESSION_LISTING_H

#include <jansson.h>

void print_sessions(const json_t *sessions);

#endif
