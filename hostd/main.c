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
#include "hostd/base/run_directory.h"
#include "hostd/config/config.h"
#include "hostd/control/methods.h"
#include "hostd/enforce/link_monitor.h"
#include "hostd/observe/events.h"
#include "hostd/observe/http.h"
#include "hostd/policy/parse.h"
#include "hostd/virt/watcher.h"

/* Requests, the hook's above all, come before everything that can wait. */
#define PRIORITY_NEWS  (SD_EVENT_PRIORITY_NORMAL + 10)
#define PRIORITY_SWEEP (SD_EVENT_PRIORITY_NORMAL + 20)

/* Sessions looked at in one go, and the pauses between two of them and between two rounds. */
#define SWEEP_BUDGET     4096
#define SWEEP_STEP_USEC  (20 * 1000ULL)
#define SWEEP_ROUND_USEC (5 * USEC_PER_SEC)

/* Between two looks for programs that somebody took off a device. */
#define REPAIR_USEC (10 * USEC_PER_SEC)

struct daemon {
	const char *config_path;
	struct config *first_config; /* of the start: some parts cannot change theirs */
	struct config *config;       /* in force */
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
	struct metrics_source metrics;
	struct http_server *http;
};

/* ---- events --------------------------------------------------------------------------------- */

static int on_mail(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *daemon = context;
	struct message *message = take_message(daemon->mailbox);

	/* One at a time: a hook request that has come in meanwhile goes first. */
	if (message)
		deliver_message(daemon->enforcer, &daemon->libvirt, message);
	return 0;
}

static int on_link_news(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *daemon = context;

	read_link_news(daemon->links);
	return 0;
}

static void on_device(unsigned int ifindex, const char *device, void *context)
{
	struct daemon *daemon = context;

	note_device(daemon->enforcer, ifindex, device, is_watched(&daemon->libvirt));
}

static void on_device_gone(unsigned int ifindex, void *context)
{
	struct daemon *daemon = context;

	lose_device(daemon->enforcer, ifindex);
}

static void take_event(const struct event *event, unsigned int ifindex, void *context)
{
	struct daemon *daemon = context;
	bool streamed = has_stream_clients(daemon->server);
	json_t *description;

	if (!streamed && !daemon->config->log_events)
		return;
	description = describe_event(daemon->enforcer, event, ifindex);
	if (description && streamed)
		publish_object(daemon->server, description);
	if (description && daemon->config->log_events)
		log_event(description);
	json_decref(description);
}

static int on_events(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *daemon = context;

	consume_events(daemon->datapath, take_event, daemon);
	return 0;
}

static int on_sweep(sd_event_source *source, uint64_t now, void *context)
{
	struct daemon *daemon = context;
	uint32_t seen = sweep_sessions(daemon->datapath, SWEEP_BUDGET);

	sd_event_source_set_time_relative(source,
					  seen < SWEEP_BUDGET ? SWEEP_ROUND_USEC : SWEEP_STEP_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_repair(sd_event_source *source, uint64_t now, void *context)
{
	struct daemon *daemon = context;

	repair_ports(daemon->enforcer);
	sd_event_source_set_time_relative(source, REPAIR_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- reload --------------------------------------------------------------------------------- */

static void warn_if_fixed(const struct daemon *daemon, const struct config *next)
{
	const struct datapath_config *now = &daemon->first_config->datapath;

	if (strcmp(next->run_directory, daemon->first_config->run_directory) != 0 ||
	    strcmp(next->bpffs, daemon->first_config->bpffs) != 0 ||
	    next->datapath.attach != now->attach || next->datapath.max_ports != now->max_ports ||
	    next->datapath.policy_nodes != now->policy_nodes ||
	    next->datapath.rule_counters != now->rule_counters ||
	    next->datapath.ring_bytes != now->ring_bytes)
		log_warning(NULL, "%s: some changes take effect with a restart only",
			    daemon->config_path);
}

static int reload(void *owner, struct reload_result *ret, struct diag *diag)
{
	struct daemon *daemon = owner;
	_cleanup_(free_config) struct config *next = NULL;
	int r = load_config(daemon->config_path, &next, diag);

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

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
			    void *context)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct reload_result result = {0};
	char text[1024];

	sd_notify(0, "RELOADING=1");
	if (reload(context, &result, &diag) < 0)
		log_error(NULL, "not reloaded: %s", diag_message(&diag, text, sizeof(text)));
	sd_notify(0, "READY=1");
	return 0;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int watch_descriptor(struct daemon *daemon, int fd, sd_event_io_handler_t handler,
			    int64_t priority)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_io(daemon->event, &source, fd, EPOLLIN, handler, daemon);

	if (r < 0)
		return r;
	sd_event_source_set_priority(source, priority);
	r = sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return r;
}

static int add_timer(struct daemon *daemon, uint64_t usec, sd_event_time_handler_t handler)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_time_relative(daemon->event, &source, CLOCK_MONOTONIC, usec, 0,
					   handler, daemon);

	if (r < 0)
		return r;
	sd_event_source_set_priority(source, PRIORITY_SWEEP);
	r = sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return r;
}

static int watch_signals(struct daemon *daemon)
{
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	/* Without a handler of its own a signal ends the loop. */
	r = sd_event_add_signal(daemon->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload_signal, daemon);
	return r;
}

static int watch_everything(struct daemon *daemon)
{
	int r = watch_signals(daemon);

	if (r >= 0)
		r = watch_descriptor(daemon, mailbox_descriptor(daemon->mailbox), on_mail,
				     PRIORITY_NEWS);
	/* As urgent as requests: a tap is to be closed before its guest has it. */
	if (r >= 0)
		r = watch_descriptor(daemon, link_monitor_descriptor(daemon->links), on_link_news,
				     SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = watch_descriptor(daemon, event_descriptor(daemon->datapath), on_events,
				     PRIORITY_NEWS);
	if (r >= 0)
		r = add_timer(daemon, SWEEP_STEP_USEC, on_sweep);
	if (r >= 0)
		r = add_timer(daemon, REPAIR_USEC, on_repair);
	return r;
}

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

static int open_control(struct daemon *daemon, struct diag *diag)
{
	daemon->context = (struct control_context){
		.enforcer = daemon->enforcer,
		.libvirt = &daemon->libvirt,
		.started = monotonic_usec(),
		.reload = reload,
		.owner = daemon,
	};
	return open_control_server(daemon->event, daemon->config->run_directory, control_methods,
				   control_method_count, &daemon->context, &daemon->server, diag);
}

/* Devices are watched before ports are adopted, and requests are taken when both are done. */
static int open_daemon(struct daemon *daemon, struct diag *diag)
{
	static const struct link_callbacks callbacks = {on_device, on_device_gone};
	struct config *config = daemon->config;
	int r;

	r = claim_run_directory(config->run_directory, &daemon->lock, diag);
	if (r == 0)
		r = open_loop(daemon, diag);
	if (r == 0)
		r = open_datapath(&config->datapath, &daemon->datapath, diag);
	if (r == 0)
		r = open_link_monitor(&callbacks, daemon, &daemon->links, diag);
	if (r == 0)
		r = open_enforcer(config, daemon->datapath, &daemon->enforcer, diag);
	if (r == 0)
		r = open_control(daemon, diag);
	if (r == 0)
		r = open_metrics(daemon, diag);
	if (r < 0)
		return r;
	r = watch_everything(daemon);
	if (r >= 0 && config->libvirt_uri_count > 0)
		r = start_watcher(config->libvirt_uris, config->libvirt_uri_count, daemon->mailbox,
				  &daemon->watcher);
	return r < 0 ? fail(diag, -r, NULL, 0, "event loop: %s", strerror(-r)) : 0;
}

static void close_daemon(struct daemon *daemon)
{
	bool watcher_ended = stop_watcher(&daemon->watcher);

	close_http_server(&daemon->http);
	close_control_server(&daemon->server);
	close_enforcer(&daemon->enforcer);
	close_link_monitor(&daemon->links);
	close_datapath(&daemon->datapath);
	free_virt_links(&daemon->libvirt);
	sd_event_unref(daemon->event);
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

static int run_daemon(struct daemon *daemon)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];
	int r = open_daemon(daemon, &diag);

	log_warnings(&diag);
	if (r < 0) {
		const char *message = diag_message(&diag, text, sizeof(text));

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

/* ---- command line -----------------------------------------------------------------------------
 */

static void print_help(void)
{
	printf("Usage: vmseg-hostd [OPTION]...\n"
	       "Filters the network ports of this host's libvirt domains.\n\n"
	       "  --config FILE   settings (default: %s, where it exists)\n"
	       "  --check-config  say whether the settings are good, and end\n"
	       "  --version       print the version, and end\n"
	       "  --help          print this, and end\n",
	       CONFIG_FILE);
}

/* A file that was asked for must be there; the default one may be missing. */
static int read_settings(struct daemon *daemon)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];
	int r;

	if (!daemon->config_path && access(CONFIG_FILE, F_OK) == 0)
		daemon->config_path = CONFIG_FILE;
	r = load_config(daemon->config_path, &daemon->config, &diag);
	if (r < 0)
		log_error(NULL, "%s", diag_message(&diag, text, sizeof(text)));
	daemon->first_config = daemon->config;
	return r;
}

enum { OPTION_CONFIG = 'c', OPTION_HELP = 'h', OPTION_CHECK = 256, OPTION_VERSION };

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, OPTION_CONFIG},
		{"check-config", no_argument, NULL, OPTION_CHECK},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, OPTION_HELP},
		{0},
	};
	struct daemon daemon = {.lock = -1};
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			daemon.config_path = optarg;
			break;
		case OPTION_CHECK:
			check = true;
			break;
		case OPTION_VERSION:
			printf("vmseg-hostd %s\n", VMSEG_VERSION);
			return 0;
		case OPTION_HELP:
			print_help();
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		log_error(NULL, "unexpected argument \"%s\" (see --help)", argv[optind]);
		return 2;
	}
	if (read_settings(&daemon) < 0)
		return 1;
	if (check) {
		free_config(&daemon.config);
		return 0;
	}
	set_log_level(daemon.config->log_level);
	set_schema_path(getenv("VMSEG_SCHEMA"));
	return run_daemon(&daemon) < 0 ? 1 : 0;
}
