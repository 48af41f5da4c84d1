/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to libvirt, on the libvirt thread.
 */
#ifndef VMSEG_VIRT_CONNECTION_H
#define VMSEG_VIRT_CONNECTION_H

#include "hostd/virt/mailbox.h"

struct virt_connection;

/* Connects from the event loop, as soon as it runs, and again whenever the connection breaks. */
int new_virt_connection(const char *uri, size_t index, struct mailbox *mailbox,
			struct virt_connection **ret);
void free_virt_connection(struct virt_connection **connection);

/* Asks libvirt about every domain that has had an event, and posts what it says. */
void ask_about_events(struct virt_connection *connection);

/* Asks for the description of every domain, soon and until all are heard; connected or not. */
void ask_for_descriptions(struct virt_connection *connection);

/* Closes the connection, with this reason, and connects again after a pause. */
void give_up_connection(struct virt_connection *connection, const char *why);

#endif
