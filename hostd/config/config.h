/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's settings: hostd.conf, read once and then immutable. settings.def lists every key.
 */
#ifndef VMSEG_CONFIG_H
#define VMSEG_CONFIG_H

#include <stdint.h>

#include "hostd/datapath/datapath.h"

/* What the hook does with a start while the daemon cannot be reached. */
enum require_daemon {
	REQUIRE_MANAGED, /* refuse domains with vmseg metadata */
	REQUIRE_ALWAYS,  /* refuse every domain */
	REQUIRE_NEVER,   /* refuse none: they start unprotected until the daemon is back */
};

/* What happens to a managed domain's NIC that TC cannot see (hostdev, user, vhostuser). */
enum unfilterable { UNFILTERABLE_REFUSE, UNFILTERABLE_IGNORE };

struct config {
	char *path; /* the file that was read; NULL: none, all are defaults */
	char *policy_directory;
	char *run_directory;   /* sockets, lock, one state file per managed domain */
	char *state_directory; /* what must outlive a reboot */
	char *bpffs;
	struct datapath_config datapath; /* its bpffs points to the one above */
	char *mandatory_policy;          /* NULL: none */
	char *unmanaged_policy;          /* NULL: domains without metadata are left alone */
	int mandatory_policy_line;       /* in the file; 0: not given */
	int unmanaged_policy_line;
	int unfilterable;         /* enum unfilterable */
	int require_daemon;       /* enum require_daemon */
	uint32_t hook_timeout;    /* seconds */
	uint32_t pickup_window;   /* seconds */
	int quarantine;           /* deny hot-plugged devices until their domain is known */
	char **quarantine_except; /* fnmatch() patterns of devices that this leaves alone */
	size_t quarantine_except_count;
	char **libvirt_uris;
	size_t libvirt_uri_count;
	char *metrics_listen; /* NULL: off */
	int log_events;       /* events of the programs go into the log */
	int log_level;        /* LOG_* */
};

/* "RUN_DIRECTORY/name"; the caller frees it. NULL when out of memory. */
char *run_path(const struct config *config, const char *name);

#endif
