/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's settings, read at the start and again on request.
 */
#include "hostd/daemon/settings.h"

#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/config/load_config.h"
#include "hostd/config/settings_list.h"
#include "hostd/daemon/daemon_state.h"
#include "hostd/datapath/datapath.h"

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

/* When a change of a setting that a reload cannot change takes effect. */
static const char *const effect_of_change[] = {
	[RESTART] = "when the daemon is started again",
	[SIZE] = "when the daemon is stopped, \"vmseg detach --all\" is run, and the daemon is "
		 "started again",
};

/* Parts of the daemon were opened with these settings, and keep them. */
static void warn_of_fixed_settings(const struct config *in_force, const struct config *next,
				   struct diag *diag)
{
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *setting = &settings[i];
		_cleanup_free_ char *old = format_setting(setting, in_force);
		_cleanup_free_ char *new = format_setting(setting, next);

		if (setting->when == LIVE || !old || !new || strcmp(old, new) == 0)
			continue;
		log_warning(NULL, "%s = %s takes effect %s; until then it is %s", setting->name,
			    new, effect_of_change[setting->when], old);
		warn(diag, next->path, 0, "%s = %s takes effect %s; until then it is %s",
		     setting->name, new, effect_of_change[setting->when], old);
	}
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
	warn_of_fixed_settings(daemon->first_config, next, diag);
	set_log_level(next->log_level);
	apply_settings(daemon->datapath, &next->datapath);
	if (daemon->config != daemon->first_config)
		free_config(&daemon->config);
	daemon->config = TAKE_PTR(next);
	log_notice(NULL, "reloaded: %zu domains updated, %zu keep their old policy, %zu bad files",
		   ret->updated, ret->failed, ret->bad_files);
	return 0;
}
