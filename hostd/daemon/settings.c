/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's settings, read at the start and again on request.
 */
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/daemon/daemon.h"
#include "hostd/datapath/ports/live_settings.h"
#include "hostd/enforce/handlers/reload.h"

static const char *settings_path(const struct daemon *daemon)
{
	if (daemon->config_path)
		return daemon->config_path;
	return access(CONFIG_FILE, F_OK) == 0 ? CONFIG_FILE : NULL;
}

int read_settings(struct daemon *daemon)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = load_config(settings_path(daemon), &daemon->config, &diag);

	if (r < 0)
		log_error(NULL, "%s", diag_message(&diag));
	daemon->first_config = daemon->config;
	return r;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_uris(const struct config *a, const struct config *b)
{
	if (a->libvirt_uri_count != b->libvirt_uri_count)
		return false;
	for (size_t i = 0; i < a->libvirt_uri_count; i++) {
		if (strcmp(a->libvirt_uris[i], b->libvirt_uris[i]) != 0)
			return false;
	}
	return true;
}

/* What parts were opened with, and keep. */
static bool same_fixed_settings(const struct config *a, const struct config *b)
{
	return same_text(a->run_directory, b->run_directory) &&
	       same_text(a->state_directory, b->state_directory) && same_text(a->bpffs, b->bpffs) &&
	       same_text(a->metrics_listen, b->metrics_listen) && same_uris(a, b) &&
	       a->datapath.attach == b->datapath.attach &&
	       a->datapath.max_ports == b->datapath.max_ports &&
	       a->datapath.policy_nodes == b->datapath.policy_nodes &&
	       a->datapath.rule_counters == b->datapath.rule_counters &&
	       a->datapath.ring_bytes == b->datapath.ring_bytes;
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
	if (!same_fixed_settings(daemon->first_config, next))
		log_warning(NULL, "some changes of the settings take effect with a restart only");
	set_log_level(next->log_level);
	apply_settings(daemon->datapath, &next->datapath);
	if (daemon->config != daemon->first_config)
		free_config(&daemon->config);
	daemon->config = TAKE_PTR(next);
	log_notice(NULL, "reloaded: %zu domains updated, %zu keep their old policy, %zu bad files",
		   ret->updated, ret->failed, ret->bad_files);
	return 0;
}
