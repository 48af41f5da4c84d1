/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the daemon.
 */
#ifndef VMSEG_REQUEST_H
#define VMSEG_REQUEST_H

#include "hostd/ctl/command_line.h"

/* The settings file to read: that of --config, else the default one if it exists, else NULL. */
const char *settings_file(const struct invocation *invocation);

/* The socket that takes the method; the caller frees it. NULL with the error on stderr. */
char *socket_path(const struct invocation *invocation, const char *method);

/* Asks the daemon; `params` is taken over. On failure the error is on stderr and NULL is
 * returned. */
json_t *ask_daemon(const struct invocation *invocation, const char *method, json_t *params);

/* Makes the request that the command declares, with the parameters that the command line sets, and
 * shows the reply: as JSON with --json, else as the command prints it. Returns the exit status. */
int show_reply(const struct invocation *invocation);

#endif
