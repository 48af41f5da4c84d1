/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread and libvirt's event loop. Callbacks only note which domain had an event; libvirt
 * is asked about it after they have returned.
 */
#include "hostd/virt/watcher.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/virt/libvirt_connection.h"

#define STOP_SECONDS 3

struct watcher {
	pthread_t thread;
	int orders; /* eventfd */
	int orders_watch;
	atomic_bool ending;
	atomic_bool describe;
	struct virt_connection **connections;
	size_t connection_count;
};

/* The flags contain the orders. */
static void on_orders(int watch, int fd, int events, void *context)
{
	struct watcher *watcher = context;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 || !atomic_exchange(&watcher->describe, false))
		return;
	for (size_t i = 0; i < watcher->connection_count; i++)
		ask_for_descriptions(watcher->connections[i]);
}

static bool give_order(struct watcher *watcher, atomic_bool *order)
{
	const uint64_t one = 1;

	atomic_store(order, true);
	return write(watcher->orders, &one, sizeof(one)) == sizeof(one);
}

void request_descriptions(struct watcher *watcher)
{
	if (watcher)
		give_order(watcher, &watcher->describe);
}

/* libvirt would print every error to stderr; those that matter are posted. */
static void swallow_error(void *context, virErrorPtr error)
{
}

/* An event loop that fails reports nothing. A new connection asks again for everything.
 */
static void give_up_connections(struct watcher *watcher)
{
	for (size_t i = 0; i < watcher->connection_count; i++)
		give_up_connection(watcher->connections[i], virGetLastErrorMessage());
	sleep(1);
}

static void *run_watcher(void *context)
{
	struct watcher *watcher = context;

	while (!atomic_load(&watcher->ending)) {
		if (virEventRunDefaultImpl() < 0)
			give_up_connections(watcher);
		for (size_t i = 0; i < watcher->connection_count; i++)
			ask_about_events(watcher->connections[i]);
	}
	for (size_t i = 0; i < watcher->connection_count; i++)
		free_virt_connection(&watcher->connections[i]);
	return NULL;
}

static void free_watcher(struct watcher **watcher)
{
	struct watcher *w = *watcher;

	if (!w)
		return;
	if (w->orders_watch >= 0)
		virEventRemoveHandle(w->orders_watch);
	for (size_t i = 0; i < w->connection_count; i++)
		free_virt_connection(&w->connections[i]);
	free(w->connections);
	close_descriptor(&w->orders);
	free(w);
	*watcher = NULL;
}

static int add_connections(struct watcher *watcher, char *const *uris, size_t count,
			   struct mailbox *mailbox)
{
	watcher->connections = calloc(count + 1, sizeof(struct virt_connection *));
	if (!watcher->connections)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int r = new_virt_connection(uris[i], i, mailbox, &watcher->connections[i]);

		if (r < 0)
			return r;
		watcher->connection_count++;
	}
	return 0;
}

int start_watcher(char *const *uris, size_t uri_count, struct mailbox *mailbox,
		  struct watcher **ret)
{
	_cleanup_(free_watcher) struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher)
		return -ENOMEM;
	watcher->orders_watch = -1;
	watcher->orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watcher->orders < 0)
		return -errno;
	virSetErrorFunc(NULL, swallow_error);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return -EIO;
	watcher->orders_watch = virEventAddHandle(watcher->orders, VIR_EVENT_HANDLE_READABLE,
						  on_orders, watcher, NULL);
	if (watcher->orders_watch < 0)
		return -EIO;
	r = add_connections(watcher, uris, uri_count, mailbox);
	if (r < 0)
		return r;
	r = pthread_create(&watcher->thread, NULL, run_watcher, watcher);
	if (r != 0)
		return -r;
	pthread_setname_np(watcher->thread, "libvirt");
	*ret = TAKE_PTR(watcher);
	return 0;
}

bool stop_watcher(struct watcher **watcher)
{
	struct timespec until;

	if (!*watcher)
		return true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	if (!give_order(*watcher, &(*watcher)->ending) ||
	    pthread_timedjoin_np((*watcher)->thread, NULL, &until) != 0) {
		pthread_detach((*watcher)->thread);
		*watcher = NULL;
		return false;
	}
	free_watcher(watcher);
	return true;
}
