/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon as a whole: every part of it, on one event loop.
 */
#ifndef VMSEG_DAEMON_H
#define VMSEG_DAEMON_H

#include <systemd/sd-event.h>

#include "hostd/change/policy_edit.h"
#include "hostd/config/config.h"
#include "hostd/control/methods.h"
#include "hostd/netlink/link_monitor.h"
#include "hostd/observe/http.h"
#include "hostd/virt/watcher.h"

struct daemon {
	const char *config_path;     /* NULL: the default one, where it exists */
	struct config *first_config; /* of the start: some parts cannot change theirs */
	struct config *config;       /* in force */
	int lock;
	int heartbeat; /* descriptor; below 0: there is none, as -errno says */
	sd_event *event;
	struct datapath *datapath;
	struct enforcer *enforcer;
	struct policy_editor editor;
	struct mailbox *mailbox;
	struct virt_links libvirt;
	struct watcher *watcher;
	struct link_monitor *links;
	struct control_context context;
	struct control_server *server;
	struct metrics_source metrics;
	struct http_server *http;
	sd_event_source *chores; /* what can wait until requests are answered */
	uint64_t chores_since;   /* monotonic_usec(): they wait from here on */
};

/* Opens every part, runs until a signal ends it, and closes every part. Whatever becomes of it, the
 * ports stay filtered. The settings are read already. Returns 0 or -errno, errors are logged. */
int run_daemon(struct daemon *daemon);

/* ---- settings.c ----------------------------------------------------------------------------- */

/* A file that was asked for must be there; the default one may be missing. Errors are logged. */
int read_settings(struct daemon *daemon);

/* Reads settings and policies again; `owner` is the daemon. */
int reload_daemon(void *owner, struct reload_result *ret, struct diag *diag);

/* ---- upkeep.c ------------------------------------------------------------------------------- */

/* Begins the heartbeat, or tries again. That it cannot be written is logged once and no failure:
 * clients then wait until their time is over. */
void start_heartbeat(struct daemon *daemon);

/* Twice a second: the heart beats, and what a cleaner has removed from the run directory, and of
 * the state files, is made anew. */
void keep_up(struct daemon *daemon);

/* ---- loop.c --------------------------------------------------------------------------------- */

/* What the link monitor tells goes to the enforcer of the daemon that is its context. */
extern const struct link_callbacks device_callbacks;

/* Joins the parts that are open on the event loop. Returns 0 or -errno. */
int join_loop(struct daemon *daemon);

#endif
