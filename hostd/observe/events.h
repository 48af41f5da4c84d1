/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events of the programs, as people and programs read them.
 */
#ifndef VMSEG_EVENTS_H
#define VMSEG_EVENTS_H

#include <jansson.h>

#include "bpf/abi.h"
#include "hostd/enforce/inventory/enforcer.h"

/* An event as one object: "event" ("new", "denied", "ended"), where, what, why, and the
 * gist in one line as "text". Members that the packet does not have are left out. NULL: no memory.
 */
json_t *describe_event(struct enforcer *enforcer, const struct event *event, unsigned int ifindex);

/* A line of the daemon's own log: "event" is "log", with "level", "domain" and "text". */
json_t *describe_line(int level, const char *domain, const char *text);

/* One log line with journal fields of an object that describe_event made. */
void log_event(const json_t *description);

#endif
