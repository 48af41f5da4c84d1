/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call a method: for clients, which need no more of methods.def.
 */
#ifndef VMSEG_CONTROL_METHOD_ACCESS_H
#define VMSEG_CONTROL_METHOD_ACCESS_H

#include <stdbool.h>

/* Whether the read socket takes it, too. */
bool is_for_readers(const char *method);

#endif
