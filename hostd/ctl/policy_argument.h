/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy file as an argument, to be sent to the daemon.
 */
#ifndef VMSEG_POLICY_ARGUMENT_H
#define VMSEG_POLICY_ARGUMENT_H

#include <jansson.h>

/* Adds "xml" and "source": the text of a policy file, "-" for standard input. Returns STATUS_OK, or
 * STATUS_FAILED with the error on stderr. */
int add_policy_file(const char *path, json_t *params);

#endif
