/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's settings, read at the start and again on request.
 */
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/daemon/daemon.h"

static const char *settings_path(const struct daemon *daemon)
{
	if (daemon->config_path)
		return daemon->config_path;
	return access(CONFIG_FILE, F_OK) == 0 ? CONFIG_FILE : NULL;
}

int read_settings(struct daemon *daemon)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];
	int r = load_config(settings_path(daemon), &daemon->config, &diag);

	if (r < 0)
		log_error(NULL, "%s", diag_message(&diag, text, sizeof(text)));
	daemon->first_config = daemon->config;
	return r;
}

static void warn_if_fixed(const struct daemon *daemon, const struct config *next)
{
	const struct datapath_config *now = &daemon->first_config->datapath;

	if (strcmp(next->run_directory, daemon->first_config->run_directory) != 0 ||
	    strcmp(next->bpffs, daemon->first_config->bpffs) != 0 ||
	    next->datapath.attach != now->attach || next->datapath.max_ports != now->max_ports ||
	    next->datapath.policy_nodes != now->policy_nodes ||
	    next->datapath.rule_counters != now->rule_counters ||
	    next->datapath.ring_bytes != now->ring_bytes)
		log_warning(NULL, "some changes of the settings take effect with a restart only");
}

int reload_daemon(void *owner, struct reload_result *ret, struct diag *diag)
{
	struct daemon *daemon = owner;
	_cleanup_(free_config) struct config *next = NULL;
	int r = load_config(settings_path(daemon), &next, diag);

	if (r == 0)
		r = reload_enforcer(daemon->enforcer, next, ret, diag);
	if (r < 0)
		return r;
	warn_if_fixed(daemon, next);
	set_log_level(next->log_level);
	apply_settings(daemon->datapath, &next->datapath);
	if (daemon->config != daemon->first_config)
		free_config(&daemon->config);
	daemon->config = TAKE_PTR(next);
	log_notice(NULL, "reloaded: %zu domains updated, %zu keep their old policy, %zu bad files",
		   ret->updated, ret->failed, ret->bad_files);
	return 0;
}
