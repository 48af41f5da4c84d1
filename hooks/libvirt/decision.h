/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hook tells libvirt. Each function depends only on its arguments: the operation and the
 * daemon's answer.
 */
#ifndef VMSEG_HOOK_DECISION_H
#define VMSEG_HOOK_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostd/config/config.h"

enum daemon_answer { ANSWER_YES, ANSWER_NO, ANSWER_NONE };

/* Operations after which libvirt starts a guest unless the hook fails: prepare, start, migrate,
 * restore. For every other one failing would hurt a guest that runs (`reconnect` kills it), or
 * comes too late. */
bool may_refuse(const char *operation);

/* True when the daemon wants to hear of the operation at all. */
bool is_reported(const char *operation);

/* True when the domain XML has vmseg metadata, or metadata of a namespace that looks like vmseg's
 * and that the daemon would refuse. The hook does not parse XML: libvirt writes a namespace as it
 * is spelled. A mention elsewhere in the XML also counts, which is the safe side. */
bool mentions_vmseg(const char *xml, size_t size);

/* True: the hook fails, and the guest does not start. */
bool must_refuse(const char *operation, enum daemon_answer answer, bool managed,
		 enum require_daemon require);

/* How long the hook waits for a daemon that gives no sign of life, in microseconds. Short where the
 * guest starts, or has ended, whatever the daemon says: it has the request, and acts on it when it
 * runs again. */
uint64_t silence_limit(const char *operation, bool managed, enum require_daemon require);

#endif
