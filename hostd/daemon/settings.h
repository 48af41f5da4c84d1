/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's settings, read at the start and again on request.
 */
#ifndef VMSEG_DAEMON_SETTINGS_H
#define VMSEG_DAEMON_SETTINGS_H

#include "hostd/base/diag.h"
#include "hostd/enforce/handlers/reload.h"

struct daemon;

/* A file that was asked for must be there; the default one may be missing. Errors are logged. */
int read_settings(struct daemon *daemon);

/* Reads settings and policies again; `owner` is the daemon. */
int reload_daemon(void *owner, struct reload_result *ret, struct diag *diag);

#endif
