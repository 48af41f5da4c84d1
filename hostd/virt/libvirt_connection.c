/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connects to libvirt, receives its events and queries domains. The connection is read-only.
 */
#include "hostd/virt/libvirt_connection.h"

#include <ctype.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"

#define FIRST_PAUSE_MS    1000
#define LAST_PAUSE_MS     5000
#define LIST_AGAIN_MS     60000
#define ASK_AGAIN_MS      1000
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT   3
#define CALLBACKS_MAX     4

/* A domain to ask about. */
struct pending_event {
	virDomainPtr domain;
	bool arrived; /* its CPUs run again */
	struct pending_event *next;
};

struct virt_connection {
	const char *uri;
	size_t index;
	struct mailbox *mailbox;
	virConnectPtr handle; /* NULL: not connected */
	bool broken;          /* libvirt says the connection is no more */
	bool unheard; /* not all that there is to know is known: a domain could not be asked */
	int timer;
	int pause_ms;     /* before the next attempt to connect */
	int ask_pause_ms; /* before what is unheard is asked for again */
	char driver[16];
	int callbacks[CALLBACKS_MAX];
	size_t callback_count;
	struct pending_event *events, **events_end;
};

static void post(struct virt_connection *connection, struct message *message)
{
	if (!message)
		return;
	memcpy(message->driver, connection->driver, sizeof(message->driver));
	post_message(connection->mailbox, message);
}

/* ---- events --------------------------------------------------------------------------------- */

static void add_event(struct virt_connection *connection, virDomainPtr domain, bool arrived)
{
	struct pending_event *event = calloc(1, sizeof(*event));

	if (!event)
		return;
	virDomainRef(domain);
	event->domain = domain;
	event->arrived = arrived;
	*connection->events_end = event;
	connection->events_end = &event->next;
}

static struct pending_event *take_events(struct virt_connection *connection)
{
	struct pending_event *event = connection->events;

	connection->events = NULL;
	connection->events_end = &connection->events;
	return event;
}

static void drop_events(struct virt_connection *connection)
{
	struct pending_event *event = take_events(connection), *next;

	for (; event; event = next) {
		next = event->next;
		virDomainFree(event->domain);
		free(event);
	}
}

/* A message about the domain. NULL: out of memory. */
static struct message *describe_domain(const struct virt_connection *connection,
				       virDomainPtr domain, enum message_kind kind, uint64_t seen,
				       const char *text)
{
	_cleanup_(free_message) struct message *message =
		new_message(kind, connection->index, seen, text);
	const char *name = virDomainGetName(domain);
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (!message || !name || virDomainGetUUIDString(domain, uuid) < 0)
		return NULL;
	message->name = strdup(name);
	message->uuid = strdup(uuid);
	return message->name && message->uuid ? TAKE_PTR(message) : NULL;
}

/* It will be asked again, with all others. */
static void note_unheard(struct virt_connection *connection)
{
	connection->unheard = true;
	virEventUpdateTimeout(connection->timer, connection->ask_pause_ms);
}

/* Whether an operation on the domain is running. While a NIC is plugged in, its device exists, and
 * the domain's XML names it only afterwards. Drivers that cannot report this keep the domain locked
 * meanwhile, so the query for its XML waits (virDomainGetControlInfo(), src/qemu/qemu_driver.c). */
static bool is_busy(virDomainPtr domain)
{
	virDomainControlInfo info;

	return virDomainGetControlInfo(domain, &info, 0) == 0 &&
	       (info.state == VIR_DOMAIN_CONTROL_JOB || info.state == VIR_DOMAIN_CONTROL_OCCUPIED);
}

/* The domain runs, and libvirt cannot give its XML: one that has grown beyond what libvirt sends,
 * say (VIR_NET_MESSAGE_STRING_MAX in its virnetprotocol.x). A connection that has ended says
 * nothing about a domain. */
static void post_undescribed(struct virt_connection *connection, virDomainPtr domain, uint64_t seen)
{
	_cleanup_free_ char *why = strdup(virGetLastErrorMessage());

	if (!why || connection->broken || virConnectIsAlive(connection->handle) != 1)
		return;
	post(connection, describe_domain(connection, domain, MESSAGE_UNDESCRIBED, seen, why));
}

/* Posts the domain's XML. False when it does not run. A domain that cannot be asked just now,
 * because it is busy with something else, is asked again with all others. */
static bool post_present(struct virt_connection *connection, virDomainPtr domain, uint64_t seen)
{
	_cleanup_free_ char *xml = NULL;
	struct message *message;

	if (virDomainIsActive(domain) == 0)
		return false;
	xml = virDomainGetXMLDesc(domain, 0);
	if (!xml && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
		return false;
	if (!xml)
		post_undescribed(connection, domain, seen);
	message = xml ? describe_domain(connection, domain, MESSAGE_PRESENT, seen, xml) : NULL;
	if (!message)
		note_unheard(connection);
	post(connection, message);
	return true;
}

static void post_about(struct virt_connection *connection, const struct pending_event *event)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	uint64_t seen = monotonic_usec();

	if (virDomainGetUUIDString(event->domain, uuid) < 0)
		return;
	if (!post_present(connection, event->domain, seen))
		post(connection, new_message(MESSAGE_GONE, connection->index, seen, uuid));
	else if (event->arrived)
		post(connection, new_message(MESSAGE_RESUMED, connection->index, seen, uuid));
}

/* ---- events --------------------------------------------------------------------------------- */

static int on_lifecycle(virConnectPtr handle, virDomainPtr domain, int event, int detail,
			void *context)
{
	/* The CPUs of a domain that has come from elsewhere run now; of any other, never mind. */
	bool arrived =
		event == VIR_DOMAIN_EVENT_RESUMED ||
		(event == VIR_DOMAIN_EVENT_STARTED && detail == VIR_DOMAIN_EVENT_STARTED_RESTORED);

	if (arrived || event == VIR_DOMAIN_EVENT_STARTED || event == VIR_DOMAIN_EVENT_STOPPED)
		add_event(context, domain, arrived);
	return 0;
}

static void on_device(virConnectPtr handle, virDomainPtr domain, const char *alias, void *context)
{
	add_event(context, domain, false);
}

static void on_metadata(virConnectPtr handle, virDomainPtr domain, int type, const char *uri,
			void *context)
{
	add_event(context, domain, false);
}

static void on_close(virConnectPtr handle, int reason, void *context)
{
	struct virt_connection *connection = context;

	connection->broken = true;
}

/* ---- connecting ----------------------------------------------------------------------------- */

/* Each callback holds a reference to the connection: without taking them off it stays open. */
static void close_handle(struct virt_connection *connection)
{
	if (!connection->handle)
		return;
	for (size_t i = 0; i < connection->callback_count; i++)
		virConnectDomainEventDeregisterAny(connection->handle, connection->callbacks[i]);
	connection->callback_count = 0;
	virConnectUnregisterCloseCallback(connection->handle, on_close);
	virConnectClose(connection->handle);
	connection->handle = NULL;
}

static void disconnect(struct virt_connection *connection, const char *why)
{
	post(connection,
	     new_message(MESSAGE_DISCONNECTED, connection->index, monotonic_usec(), why));
	drop_events(connection);
	close_handle(connection);
	connection->broken = false;
	connection->unheard = false;
	virEventUpdateTimeout(connection->timer, connection->pause_ms);
	connection->pause_ms =
		connection->pause_ms * 2 < LAST_PAUSE_MS ? connection->pause_ms * 2 : LAST_PAUSE_MS;
}

/* libvirt calls each callback with the parameters of its event. Its own VIR_DOMAIN_EVENT_CALLBACK
 * is a cast at which clang from 19 warns; through void (*)(void) it does not. */
#define EVENT_CALLBACK(function) ((virConnectDomainEventGenericCallback)(void (*)(void))(function))

static int listen_for_events(struct virt_connection *connection)
{
	static const struct {
		int event;
		virConnectDomainEventGenericCallback callback;
	} wanted[] = {
		{VIR_DOMAIN_EVENT_ID_LIFECYCLE, EVENT_CALLBACK(on_lifecycle)},
		{VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, EVENT_CALLBACK(on_device)},
		{VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, EVENT_CALLBACK(on_device)},
		{VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, EVENT_CALLBACK(on_metadata)},
	};

	_Static_assert(ARRAY_SIZE(wanted) <= CALLBACKS_MAX, "room for every callback");

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int id = virConnectDomainEventRegisterAny(connection->handle, NULL, wanted[i].event,
							  wanted[i].callback, connection, NULL);

		if (id >= 0)
			connection->callbacks[connection->callback_count++] = id;
		else if (wanted[i].event == VIR_DOMAIN_EVENT_ID_LIFECYCLE ||
			 virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
			return -EIO; /* not every driver has the others */
	}
	return virConnectRegisterCloseCallback(connection->handle, on_close, connection, NULL) < 0
		       ? -EIO
		       : 0;
}

static void learn_driver(struct virt_connection *connection)
{
	const char *type = virConnectGetType(connection->handle);

	for (size_t i = 0; type && type[i] && i + 1 < sizeof(connection->driver); i++) {
		connection->driver[i] = (char)tolower((unsigned char)type[i]);
		connection->driver[i + 1] = '\0';
	}
}

/* On false the list must not be posted: a missing domain would count as ended. */
static bool add_uuid(struct message *listed, virDomainPtr domain)
{
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (!listed || !listed->uuids || virDomainGetUUIDString(domain, uuid) < 0)
		return false;
	listed->uuids[listed->uuid_count] = strdup(uuid);
	return listed->uuids[listed->uuid_count++] != NULL;
}

/* Posts the XML of a domain that is not busy, which says all that it has; of another, what there
 * is. */
static void post_described(struct virt_connection *connection, virDomainPtr domain, uint64_t seen)
{
	/* Asked before: what begins now has no device that was there before `seen`. */
	if (is_busy(domain))
		note_unheard(connection);
	post_present(connection, domain, seen);
}

/* Which domains run; with `describe` also the XML of each, before. */
static int post_list(struct virt_connection *connection, bool describe)
{
	uint64_t seen = monotonic_usec();
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(connection->handle, &domains,
					     VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	_cleanup_(free_message) struct message *listed = NULL;
	bool complete = true;

	if (count < 0)
		return -EIO;
	listed = new_message(MESSAGE_LISTED, connection->index, seen, NULL);
	if (listed)
		listed->uuids = calloc((size_t)count + 1, sizeof(char *));
	for (int i = 0; i < count; i++) {
		if (describe)
			post_described(connection, domains[i], seen);
		complete = add_uuid(listed, domains[i]) && complete;
		virDomainFree(domains[i]);
	}
	free(domains);
	if (!listed || !complete) {
		note_unheard(connection);
		return 0;
	}
	listed->names_only = !describe;
	listed->described = describe && !connection->unheard;
	post(connection, TAKE_PTR(listed));
	return 0;
}

static void connect_to_libvirt(struct virt_connection *connection, int timer)
{
	virEventUpdateTimeout(timer, -1);
	connection->handle = virConnectOpenReadOnly(connection->uri);
	if (!connection->handle) {
		disconnect(connection, virGetLastErrorMessage());
		return;
	}
	/* Without it a daemon that hangs looks like one without events. */
	virConnectSetKeepAlive(connection->handle, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
	learn_driver(connection);
	/* Listening comes before listing: what changes between the two is reported twice. */
	if (listen_for_events(connection) < 0) {
		disconnect(connection, virGetLastErrorMessage());
		return;
	}
	post(connection, new_message(MESSAGE_CONNECTED, connection->index, monotonic_usec(), NULL));
	if (post_list(connection, true) < 0) {
		disconnect(connection, virGetLastErrorMessage());
		return;
	}
	connection->pause_ms = FIRST_PAUSE_MS;
	if (!connection->unheard)
		virEventUpdateTimeout(timer, LIST_AGAIN_MS);
}

/* A domain that cannot be described now may stay so for long: the next query waits. */
static void set_ask_pause(struct virt_connection *connection)
{
	if (!connection->unheard)
		connection->ask_pause_ms = ASK_AGAIN_MS;
	else if (connection->ask_pause_ms * 2 < LIST_AGAIN_MS)
		connection->ask_pause_ms *= 2;
}

/* Events come while connected; the list is for the one that was missed. */
static void on_timer(int timer, void *context)
{
	struct virt_connection *connection = context;
	bool unheard = connection->unheard;

	if (!connection->handle) {
		connect_to_libvirt(connection, timer);
		return;
	}
	connection->unheard = false;
	virEventUpdateTimeout(timer, LIST_AGAIN_MS);
	if (post_list(connection, unheard) < 0)
		disconnect(connection, virGetLastErrorMessage());
	else
		set_ask_pause(connection);
}

void ask_for_descriptions(struct virt_connection *connection)
{
	if (!connection->handle)
		return;
	connection->unheard = true;
	virEventUpdateTimeout(connection->timer, 0);
}

void give_up_connection(struct virt_connection *connection, const char *why)
{
	disconnect(connection, why);
}

void ask_about_events(struct virt_connection *connection)
{
	struct pending_event *event, *next;

	for (event = take_events(connection); event; event = next) {
		next = event->next;
		if (!connection->broken)
			post_about(connection, event);
		virDomainFree(event->domain);
		free(event);
	}
	if (connection->broken)
		disconnect(connection, "the connection was closed");
}

int new_virt_connection(const char *uri, size_t index, struct mailbox *mailbox,
			struct virt_connection **ret)
{
	struct virt_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	connection->uri = uri;
	connection->index = index;
	connection->mailbox = mailbox;
	connection->pause_ms = FIRST_PAUSE_MS;
	connection->ask_pause_ms = ASK_AGAIN_MS;
	connection->events_end = &connection->events;
	connection->timer = virEventAddTimeout(0, on_timer, connection, NULL);
	if (connection->timer < 0) {
		free(connection);
		return -EIO;
	}
	*ret = connection;
	return 0;
}

void free_virt_connection(struct virt_connection **connection)
{
	if (!*connection)
		return;
	drop_events(*connection);
	virEventRemoveTimeout((*connection)->timer);
	close_handle(*connection);
	free(*connection);
	*connection = NULL;
}
