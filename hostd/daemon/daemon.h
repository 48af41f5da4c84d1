/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon as a whole: every part of it, on one event loop.
 */
#ifndef VMSEG_DAEMON_H
#define VMSEG_DAEMON_H

#include "hostd/daemon/daemon_state.h"

/* Opens every part, runs until a signal ends it, and closes every part. Whatever becomes of it, the
 * ports stay filtered. The settings are read already. Returns 0 or -errno, errors are logged. */
int run_daemon(struct daemon *daemon);

#endif
