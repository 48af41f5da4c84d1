/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the daemon.
 */
#ifndef VMSEG_DAEMON_STATE_H
#define VMSEG_DAEMON_STATE_H

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

#endif
