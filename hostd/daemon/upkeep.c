/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon keeps on disk: heartbeat, lock, sockets, state files. A clean-up may remove any
 * of it; it is made again here.
 */
#include "hostd/daemon/upkeep.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/heartbeat.h"
#include "hostd/base/log.h"
#include "hostd/base/run_directory.h"
#include "hostd/change/pending.h"
#include "hostd/control/server.h"
#include "hostd/daemon/daemon_state.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/persist.h"

void start_heartbeat(struct daemon *daemon)
{
	const char *directory = daemon->first_config->run_directory;
	int fd = open_heartbeat(directory);

	if (fd < 0 && daemon->heartbeat != fd)
		log_warning(NULL, "%s: no heartbeat: %s", directory, strerror(-fd));
	close_descriptor(&daemon->heartbeat);
	daemon->heartbeat = fd;
}

/* Returns 1 if something was made anew, 0 if all was there, or -errno. */
static int restore_run_directory(struct daemon *daemon, struct diag *diag)
{
	int lock = reclaim_run_directory(daemon->first_config->run_directory, &daemon->lock, diag);
	int sockets = lock < 0 ? lock : restore_control_sockets(daemon->server, diag);

	return sockets < 0 ? sockets : lock | sockets;
}

void keep_up(struct daemon *daemon)
{
	const char *directory = daemon->first_config->run_directory;
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = restore_run_directory(daemon, &diag);

	report_problem(daemon->enforcer, directory, r < 0 ? diag_message(&diag) : NULL);
	if (r < 0)
		return;
	if (r > 0)
		log_warning(NULL, "%s: files of vmseg-hostd were removed: they are created again",
			    directory);
	restore_pending_files(&daemon->editor.pending);
	restore_saved_domains(daemon->enforcer);
	if (beat(daemon->heartbeat) == -ENOENT)
		start_heartbeat(daemon);
}
