/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing attached ports, all or none of them: whatever can fail is done first, then the new
 * records are published one store each, and after one wait the old ones are free.
 */
#include "hostd/datapath/ports/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/objects/program_wait.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/draft_record.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/ports/remotes.h"
#include "hostd/datapath/ports/resize.h"

struct change {
	struct filtered_port *port;
	uint32_t record;            /* the new record's number plus one; 0: nothing differs */
	struct stored_image *image; /* held; after publishing the former one */
	uint32_t sessions;          /* new limit */
	uint32_t former_sessions;
	bool resized;
	bool made_remotes; /* the limit of sessions by remote address is new */
};

struct change_list {
	struct datapath *datapath;
	struct change *changes;
	size_t count;
	uint32_t opened; /* ports that had no sessions so far */
};

/* Lets go of what the ports do not use: before publishing the new, after it the old. */
static void clear_changes(struct change_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct change *change = &list->changes[i];

		change->port->changing = false;
		drop_record(&list->datapath->objects, change->record);
		release_image(&list->datapath->objects.images, change->image);
	}
	free(list->changes);
}

/* Draws up the new record and places it, unless it says what the old one says. */
static int prepare_record(struct datapath *datapath, struct change *change,
			  const struct port_config *config, struct diag *diag)
{
	struct filtered_port *port = change->port;
	struct port draft;
	int r;

	draft_record(port, config, change->image, record_of(port), &draft);
	if (!memcmp(&draft, record_of(port), sizeof(draft)))
		return 0;
	draft.generation = datapath->generation;
	r = place_record(&datapath->objects, &draft, &change->record);
	return r < 0 ? fail(diag, -r, port->device.name, 0, "cannot write the port's record: %s",
			    strerror(-r))
		     : 0;
}

/* Adds one update to the list; nothing on the port changes yet. */
static int prepare_change(struct change_list *list, const struct port_update *update,
			  struct diag *diag)
{
	struct change *change = &list->changes[list->count];
	struct filtered_port *port = find_filtered_port(list->datapath, update->ifindex);
	int r;

	if (!port)
		return fail(diag, ENOENT, NULL, 0, "device %u is not attached", update->ifindex);
	if (port->changing)
		return fail(diag, EINVAL, port->device.name, 0,
			    "the device is named twice in one update");
	r = check_port_config(update->config, diag);
	if (r < 0)
		return r;
	*change = (struct change){
		.port = port,
		.sessions = update->config->limits[LIMIT_SESSIONS]
				    ? update->config->limits[LIMIT_SESSIONS]
				    : port->sessions_wanted,
		.former_sessions = port->sessions_wanted,
	};
	port->changing = true;
	list->count++;
	if (update->config->limits[LIMIT_SESSIONS] && !port->sessions_wanted) {
		r = check_room(list->datapath, ++list->opened, port->device.name, diag);
		if (r < 0)
			return r;
	}
	r = hold_image(&list->datapath->objects.images, update->image, &change->image, diag);
	if (r < 0)
		return r;
	return prepare_record(list->datapath, change, update->config, diag);
}

/* The tables that were changed already go back to what they were. */
static void undo_tables(const struct change_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->changes[i];

		if (change->made_remotes)
			drop_remotes(change->port);
		if (change->resized && change->former_sessions)
			resize_sessions(change->port, change->former_sessions);
	}
}

/* The record that the port will have. */
static const struct port *coming_record(const struct change *change)
{
	return change->record ? numbered_record(change->port->objects, change->record)
			      : record_of(change->port);
}

static int change_tables(struct change *change, struct diag *diag)
{
	struct filtered_port *port = change->port;
	int r;

	if (change->sessions != change->former_sessions) {
		r = resize_sessions(port, change->sessions);
		if (r < 0)
			return fail(diag, -r, port->device.name, 0,
				    "cannot create a table of %u sessions: %s", change->sessions,
				    strerror(-r));
		change->resized = true;
	}
	if (coming_record(change)->limits[LIMIT_SESSIONS_PER_REMOTE] && port->table_size &&
	    !port->has_remotes) {
		r = make_remotes(port);
		if (r < 0)
			return fail(diag, -r, port->device.name, 0,
				    "cannot create a table of sessions by remote address: %s",
				    strerror(-r));
		change->made_remotes = true;
	}
	return 0;
}

/* What is left to do before publishing; *ret_now is the time when it was done, in jiffies. */
static int change_all_tables(const struct change_list *list, uint32_t *ret_now, struct diag *diag)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = change_tables(&list->changes[i], diag);
	if (r == 0)
		r = read_jiffies(&list->datapath->objects, ret_now);
	if (r < 0)
		undo_tables(list);
	return r;
}

/* Once the new records are in force: who is counted by remote address from now on, and who not. */
static void settle_remotes(const struct change_list *list, uint32_t start)
{
	for (size_t i = 0; i < list->count; i++) {
		struct filtered_port *port = list->changes[i].port;

		if (list->changes[i].made_remotes)
			count_earlier_sessions(port, start);
		else if (port->has_remotes && !record_of(port)->limits[LIMIT_SESSIONS_PER_REMOTE])
			drop_remotes(port);
	}
}

/* Afterwards the change holds what was in force before. Cannot fail: the device has its place in
 * the index. */
static void publish_change(struct change *change)
{
	struct filtered_port *port = change->port;
	uint32_t former_record = port->record;
	struct stored_image *former_image = port->image;

	publish_record(port->objects, port->device.ifindex, change->record);
	port->record = change->record;
	port->image = change->image;
	change->record = former_record;
	change->image = former_image;
}

static bool lets_nothing_pass(const struct change *change)
{
	const struct port *record = numbered_record(change->port->objects, change->record);

	return record->flags & PORT_QUARANTINE;
}

/* Out of quarantine: a packet that is judged by the former record is dropped, so that nobody needs
 * to wait for it. */
static void retire_change(struct change *change)
{
	retire_parts(change->port->objects, change->record, change->image);
	change->record = 0;
	change->image = NULL;
}

static void publish_changes(struct change_list *list)
{
	bool wait = false;

	for (size_t i = 0; i < list->count; i++) {
		struct change *change = &list->changes[i];

		if (!change->record)
			continue;
		publish_change(change);
		if (lets_nothing_pass(change))
			retire_change(change);
		else
			wait = true;
	}
	if (wait)
		wait_for_programs(&list->datapath->objects);
}

int foresee_update(struct datapath *datapath, unsigned int ifindex,
		   const struct port_config *config, const struct image *image,
		   struct port_changes *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	struct port draft;

	if (!port)
		return -ENOENT;
	/* Beside the image, which is compared by itself. */
	draft_record(port, config, port->image, record_of(port), &draft);
	ret->image = !is_stored_as(&datapath->objects.images, port->image, image);
	ret->config = memcmp(&draft, record_of(port), sizeof(draft)) != 0;
	ret->session_limit = config->limits[LIMIT_SESSIONS] &&
			     config->limits[LIMIT_SESSIONS] != port->sessions_wanted;
	return 0;
}

int update_ports(struct datapath *datapath, const struct port_update *updates, size_t count,
		 struct diag *diag)
{
	_cleanup_(clear_changes) struct change_list list = {.datapath = datapath};
	uint32_t start = 0;
	int r;

	list.changes = calloc(count, sizeof(*list.changes));
	if (!list.changes && count)
		return -ENOMEM;
	datapath->generation++;
	for (size_t i = 0; i < count; i++) {
		r = prepare_change(&list, &updates[i], diag);
		if (r < 0)
			return r;
	}
	r = change_all_tables(&list, &start, diag);
	if (r < 0)
		return r;
	publish_changes(&list);
	settle_remotes(&list, start);
	return 0;
}

int update_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag)
{
	const struct port_update update = {.ifindex = ifindex, .config = config, .image = image};

	return update_ports(datapath, &update, 1, diag);
}
