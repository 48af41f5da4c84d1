/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's life: parts are opened in the order in which they need each other and closed in
 * reverse. Ending it, in whatever way, never ends enforcement.
 */
#include "hostd/daemon/daemon.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/heartbeat.h"
#include "hostd/base/log.h"
#include "hostd/base/run_directory.h"
#include "hostd/change/policy_edit.h"
#include "hostd/config/load_config.h"
#include "hostd/control/client_connection.h"
#include "hostd/control/server.h"
#include "hostd/daemon/loop.h"
#include "hostd/daemon/settings.h"
#include "hostd/daemon/upkeep.h"
#include "hostd/datapath/datapath.h"
#include "hostd/enforce/handlers/open.h"
#include "hostd/observe/events.h"

static int open_loop(struct daemon *daemon, struct diag *diag)
{
	int r = sd_event_default(&daemon->event);

	if (r >= 0)
		r = sd_event_set_watchdog(daemon->event, 1);
	if (r >= 0)
		r = new_mailbox(&daemon->mailbox);
	if (r >= 0)
		r = new_virt_links(daemon->config->libvirt_uris, daemon->config->libvirt_uri_count,
				   &daemon->libvirt);
	return r < 0 ? fail(diag, -r, NULL, 0, "event loop: %s", strerror(-r)) : 0;
}

static int open_metrics(struct daemon *daemon, struct diag *diag)
{
	if (!daemon->config->metrics_listen)
		return 0;
	daemon->metrics = (struct metrics_source){daemon->enforcer, &daemon->libvirt};
	return open_http_server(daemon->event, daemon->config->metrics_listen, &daemon->metrics,
				&daemon->http, diag);
}

/* Whoever monitors learns what the daemon complains of. */
static void publish_line(int level, const char *domain, const char *text, void *context)
{
	struct daemon *daemon = context;
	json_t *description;

	if (!has_stream_clients(daemon->server))
		return;
	description = describe_line(level, domain, text);
	if (description)
		publish_object(daemon->server, description);
	json_decref(description);
}

static int open_control(struct daemon *daemon, struct diag *diag)
{
	daemon->context = (struct control_context){
		.enforcer = daemon->enforcer,
		.editor = &daemon->editor,
		.libvirt = &daemon->libvirt,
		.started = monotonic_usec(),
		.reload = reload_daemon,
		.owner = daemon,
	};
	return open_control_server(daemon->event, daemon->config->run_directory, control_methods,
				   control_method_count, &daemon->context, &daemon->server, diag);
}

/* Devices are watched before ports are adopted, and requests are taken when both are done. */
static int open_daemon(struct daemon *daemon, struct diag *diag)
{
	struct config *config = daemon->config;
	int r;

	r = claim_run_directory(config->run_directory, &daemon->lock, diag);
	if (r == 0)
		r = open_loop(daemon, diag);
	if (r == 0)
		r = open_datapath(&config->datapath, &daemon->datapath, diag);
	if (r == 0)
		r = open_link_monitor(&device_callbacks, daemon, &daemon->links, diag);
	if (r == 0)
		r = open_policy_editor(config->state_directory, &daemon->editor, diag);
	if (r == 0)
		r = open_enforcer(config, daemon->datapath, &daemon->enforcer, diag);
	if (r == 0) {
		begin_policy_edits(&daemon->editor, daemon->enforcer);
		start_heartbeat(daemon);
		r = open_control(daemon, diag);
	}
	if (r == 0)
		r = open_metrics(daemon, diag);
	if (r < 0)
		return r;
	set_log_listener(publish_line, daemon);
	r = join_loop(daemon);
	if (r >= 0 && config->libvirt_uri_count > 0)
		r = start_watcher(config->libvirt_uris, config->libvirt_uri_count, daemon->mailbox,
				  &daemon->watcher);
	return r < 0 ? fail(diag, -r, NULL, 0, "event loop: %s", strerror(-r)) : 0;
}

static void close_daemon(struct daemon *daemon)
{
	bool watcher_ended = stop_watcher(&daemon->watcher);

	set_log_listener(NULL, NULL);
	close_http_server(&daemon->http);
	close_control_server(&daemon->server);
	close_policy_editor(&daemon->editor);
	close_enforcer(&daemon->enforcer);
	close_link_monitor(&daemon->links);
	close_datapath(&daemon->datapath);
	free_virt_links(&daemon->libvirt);
	sd_event_source_unref(daemon->chores);
	sd_event_unref(daemon->event);
	close_heartbeat(daemon->first_config->run_directory, &daemon->heartbeat);
	close_descriptor(&daemon->lock);
	if (daemon->config != daemon->first_config)
		free_config(&daemon->config);
	/* A thread that hangs in libvirt still uses these; the process ends with it. */
	if (!watcher_ended)
		return;
	free_mailbox(&daemon->mailbox);
	free_config(&daemon->first_config);
}

static void log_warnings(const struct diag *diag)
{
	for (size_t i = 0; i < diag->warning_count; i++)
		log_warning(NULL, "%s%s%s", diag->warnings[i].where,
			    diag->warnings[i].where[0] ? ": " : "", diag->warnings[i].text);
}

int run_daemon(struct daemon *daemon)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = open_daemon(daemon, &diag);

	log_warnings(&diag);
	if (r < 0) {
		const char *message = diag_message(&diag);

		log_error(NULL, "%s", message);
		sd_notifyf(0, "STATUS=%s\nERRNO=%d", message, -r);
	} else {
		log_notice(NULL, "version %s, ready", VMSEG_VERSION);
		sd_notify(0, "READY=1\nSTATUS=Filtering");
		r = sd_event_loop(daemon->event);
		sd_notify(0, "STOPPING=1\nSTATUS=Ending; ports stay filtered");
		log_notice(NULL, "ending; ports stay filtered");
	}
	close_daemon(daemon);
	return r;
}
