/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop: each event and the function that handles it.
 */
#include "hostd/daemon/loop.h"

#include <errno.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/heartbeat.h"
#include "hostd/base/log.h"
#include "hostd/change/policy_edit.h"
#include "hostd/control/client_connection.h"
#include "hostd/daemon/daemon_state.h"
#include "hostd/daemon/settings.h"
#include "hostd/daemon/upkeep.h"
#include "hostd/datapath/ports/sweep.h"
#include "hostd/datapath/queries/event_ring.h"
#include "hostd/enforce/handlers/chores.h"
#include "hostd/enforce/handlers/devices.h"
#include "hostd/enforce/handlers/reload.h"
#include "hostd/enforce/handlers/repair.h"
#include "hostd/enforce/inventory/unclaimed.h"
#include "hostd/observe/events.h"

/* Requests, the hook's above all, come before everything that can wait. */
#define PRIORITY_HEART  (SD_EVENT_PRIORITY_NORMAL - 10)
#define PRIORITY_CHORES (SD_EVENT_PRIORITY_NORMAL + 5)
#define PRIORITY_EVENTS (SD_EVENT_PRIORITY_NORMAL + 10)
#define PRIORITY_SWEEP  (SD_EVENT_PRIORITY_NORMAL + 20)

/* Sessions looked at in one go, and the pauses between two goes and between two rounds. A pause is
 * never shorter than SWEEP_REST times what the go before it took of the CPU: so the sweep takes no
 * more than a fortieth of a core, however many sessions there are and however slow the host. */
#define SWEEP_BUDGET     4096
#define SWEEP_REST       39
#define SWEEP_STEP_USEC  (20 * 1000ULL)
#define SWEEP_ROUND_USEC (5 * USEC_PER_SEC)

/* A chore waits for requests so long, then it takes turns with them. */
#define CHORE_PATIENCE_USEC (100 * 1000ULL)

/* Between two looks at some ports for programs that somebody took off, and between two rounds. */
#define REPAIR_STEP_USEC  (5 * 1000ULL)
#define REPAIR_ROUND_USEC (500 * 1000ULL)

/* sd-event's own is a quarter of a second, longer than the steps. */
#define TIMER_ACCURACY_USEC (5 * 1000ULL)

static int on_mail(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *daemon = context;
	struct message *message = take_message(daemon->mailbox);

	/* One at a time: a hook request that has come in meanwhile goes first. */
	if (message)
		deliver_message(daemon->enforcer, &daemon->libvirt, message);
	return 0;
}

static int on_link_messages(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *daemon = context;

	read_link_messages(daemon->links);
	return 0;
}

static void on_device(unsigned int ifindex, const char *device, void *context)
{
	struct daemon *daemon = context;

	note_device(daemon->enforcer, ifindex, device, is_watched(&daemon->libvirt));
}

static void on_device_gone(unsigned int ifindex, bool moved, void *context)
{
	struct daemon *daemon = context;

	lose_device(daemon->enforcer, ifindex, moved);
}

static void on_device_held(unsigned int ifindex, const char *device, bool held, void *context)
{
	struct daemon *daemon = context;

	note_held_device(daemon->enforcer, ifindex, device, held, is_watched(&daemon->libvirt));
}

static void on_device_renamed(unsigned int ifindex, const char *device, void *context)
{
	struct daemon *daemon = context;

	rename_device(daemon->enforcer, ifindex, device);
}

static void on_xdp(unsigned int ifindex, bool has_xdp, void *context)
{
	struct daemon *daemon = context;

	repair_xdp(daemon->enforcer, ifindex, has_xdp);
}

static void on_disturbed(unsigned int ifindex, void *context)
{
	struct daemon *daemon = context;

	if (ifindex)
		repair_device(daemon->enforcer, ifindex);
	else
		request_full_round(daemon->enforcer);
}

const struct link_callbacks device_callbacks = {
	.appeared = on_device,
	.renamed = on_device_renamed,
	.gone = on_device_gone,
	.held = on_device_held,
	.xdp = on_xdp,
	.disturbed = on_disturbed,
};

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
	uint64_t started = thread_cpu_usec(), rest, pause;
	uint32_t seen = sweep_sessions(daemon->datapath, SWEEP_BUDGET);

	rest = SWEEP_REST * (thread_cpu_usec() - started);
	pause = seen < SWEEP_BUDGET ? SWEEP_ROUND_USEC : SWEEP_STEP_USEC;
	sd_event_source_set_time_relative(source, rest > pause ? rest : pause);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_chore(sd_event_source *source, void *context)
{
	struct daemon *daemon = context;

	do_chore(daemon->enforcer);
	daemon->chores_since = monotonic_usec();
	return sd_event_source_set_priority(source, PRIORITY_CHORES);
}

/* After whatever has happened. */
static int look_for_chores(sd_event_source *source, void *context)
{
	struct daemon *daemon = context;
	uint64_t now = monotonic_usec();
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(daemon->chores, &enabled);
	if (enabled == SD_EVENT_OFF) {
		daemon->chores_since = now;
		return has_chores(daemon->enforcer)
			       ? sd_event_source_set_enabled(daemon->chores, SD_EVENT_ONESHOT)
			       : 0;
	}
	if (daemon->chores_since + CHORE_PATIENCE_USEC < now)
		sd_event_source_set_priority(daemon->chores, SD_EVENT_PRIORITY_NORMAL);
	return 0;
}

static int on_repair(sd_event_source *source, uint64_t now, void *context)
{
	struct daemon *daemon = context;
	bool more = repair_ports(daemon->enforcer);

	if (!more && needs_descriptions(daemon->enforcer))
		request_descriptions(daemon->watcher);
	sd_event_source_set_time_relative(source, more ? REPAIR_STEP_USEC : REPAIR_ROUND_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_upkeep(sd_event_source *source, uint64_t now, void *context)
{
	keep_up(context);
	sd_event_source_set_time_relative(source, HEARTBEAT_PERIOD_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_deadline(sd_event_source *source, uint64_t now, void *context)
{
	struct daemon *daemon = context;

	roll_back_overdue(&daemon->editor);
	return 0;
}

/* Before the loop waits: whatever has happened, it wakes in time for the next deadline. */
static int set_deadline(sd_event_source *source, void *context)
{
	const struct daemon *daemon = context;

	return sd_event_source_set_time(source, next_rollback(&daemon->editor));
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
			    void *context)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct reload_result result = {0};

	sd_notify(0, "RELOADING=1");
	if (reload_daemon(context, &result, &diag) < 0)
		log_error(NULL, "not reloaded: %s", diag_message(&diag));
	sd_notify(0, "READY=1");
	return 0;
}

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

static int add_timer(struct daemon *daemon, uint64_t usec, sd_event_time_handler_t handler,
		     int64_t priority)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_time_relative(daemon->event, &source, CLOCK_MONOTONIC, usec,
					   TIMER_ACCURACY_USEC, handler, daemon);

	if (r < 0)
		return r;
	sd_event_source_set_priority(source, priority);
	r = sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return r;
}

static int watch_chores(struct daemon *daemon)
{
	int r = sd_event_add_defer(daemon->event, &daemon->chores, on_chore, daemon);

	if (r >= 0)
		r = sd_event_source_set_priority(daemon->chores, PRIORITY_CHORES);
	if (r >= 0)
		r = sd_event_source_set_enabled(daemon->chores, SD_EVENT_OFF);
	return r < 0 ? r : sd_event_add_post(daemon->event, NULL, look_for_chores, daemon);
}

static int watch_deadlines(struct daemon *daemon)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_time(daemon->event, &source, CLOCK_BOOTTIME,
				  next_rollback(&daemon->editor), 0, on_deadline, daemon);

	if (r >= 0)
		r = sd_event_source_set_enabled(source, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_prepare(source, set_deadline);
	if (r >= 0)
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
	/* libmicrohttpd writes to whoever has gone. */
	signal(SIGPIPE, SIG_IGN);
	/* Without a handler of its own a signal ends the loop. */
	r = sd_event_add_signal(daemon->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload_signal, daemon);
	return r;
}

int join_loop(struct daemon *daemon)
{
	int r = watch_signals(daemon);

	if (r >= 0)
		r = watch_descriptor(daemon, mailbox_descriptor(daemon->mailbox), on_mail,
				     PRIORITY_EVENTS);
	/* As urgent as requests: a tap is to be closed before its guest has it. */
	if (r >= 0)
		r = watch_descriptor(daemon, link_monitor_descriptor(daemon->links),
				     on_link_messages, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = watch_descriptor(daemon, event_descriptor(daemon->datapath), on_events,
				     PRIORITY_EVENTS);
	if (r >= 0)
		r = watch_chores(daemon);
	if (r >= 0)
		r = add_timer(daemon, SWEEP_STEP_USEC, on_sweep, PRIORITY_SWEEP);
	if (r >= 0)
		r = add_timer(daemon, REPAIR_ROUND_USEC, on_repair, PRIORITY_SWEEP);
	if (r >= 0)
		r = add_timer(daemon, HEARTBEAT_PERIOD_USEC, on_upkeep, PRIORITY_HEART);
	if (r >= 0)
		r = watch_deadlines(daemon);
	return r < 0 ? r : 0;
}
