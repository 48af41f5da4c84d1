/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg-hostd: wiring. Reads the settings, opens each part, joins them on one event loop, and takes
 * them apart in reverse. Ending the daemon, in whatever way, never ends enforcement.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/config/config.h"
#include "hostd/control/methods.h"
#include "hostd/daemon/lock.h"
#include "hostd/enforce/link_monitor.h"
#include "hostd/virt/watcher.h"

/* Requests, the hook's above all, come before everything that can wait. */
#define PRIORITY_REQUESTS SD_EVENT_PRIORITY_NORMAL
#define PRIORITY_NEWS (SD_EVENT_PRIORITY_NORMAL + 10)
#define PRIORITY_SWEEP (SD_EVENT_PRIORITY_NORMAL + 20)

/* Sessions looked at per tick, and the pause between ticks while a round is not complete. */
#define SWEEP_BUDGET 4096
#define SWEEP_STEP_USEC (20 * 1000ULL)
#define SWEEP_ROUND_USEC (5 * USEC_PER_SEC)

struct daemon {
	const char *config_path;
	struct config *config;
	int lock;
	sd_event *event;
	struct datapath *datapath;
	struct enforcer *enforcer;
	struct mailbox *mailbox;
	struct virt_links libvirt;
	struct watcher *watcher;
	struct link_monitor *links;
	struct control_context context;
	struct control_server *server;
};
