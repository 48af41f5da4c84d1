/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libvirt thread: the only code that calls libvirt. It watches one or more connections and
 * posts messages about domains. It takes two orders, "describe" and "end"; no thread waits for
 * either.
 */
#ifndef VMSEG_WATCHER_H
#define VMSEG_WATCHER_H

#include <stddef.h>

#include "hostd/virt/mailbox.h"

struct watcher;

/* Starts the thread. The URIs and the mailbox must outlive it. A libvirt that is not there is no
 * error: it is tried again, with growing pauses. Returns 0 or -errno. */
int start_watcher(char *const *uris, size_t uri_count, struct mailbox *mailbox,
		  struct watcher **ret);

/* Every connection is to describe all that runs, soon: a MESSAGE_LISTED that is `described` follows
 * from each that is connected. From any thread; does not wait. NULL: nothing is done. */
void request_descriptions(struct watcher *watcher);

/* Ends the thread. One that hangs in a call to libvirt is given up after a few seconds: then the
 * mailbox must not be freed, and false is returned. */
bool stop_watcher(struct watcher **watcher);

#endif
