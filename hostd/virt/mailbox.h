/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages from the libvirt thread to the enforcement thread: a queue and a descriptor to poll.
 * They go one way only, so the enforcement thread can never wait for libvirt.
 */
#ifndef VMSEG_MAILBOX_H
#define VMSEG_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_kind {
	MESSAGE_CONNECTED,
	MESSAGE_DISCONNECTED, /* text: why */
	MESSAGE_PRESENT,      /* text: XML of a running domain */
	MESSAGE_UNDESCRIBED,  /* text: why libvirt cannot give the XML of a running domain */
	MESSAGE_GONE,         /* text: UUID of a domain that does not run */
	MESSAGE_LISTED,       /* uuids: all that run of `driver` */
	MESSAGE_RESUMED,      /* text: UUID of a domain that has arrived by migration */
};

struct message {
	enum message_kind kind;
	size_t connection; /* index into the list of libvirt URIs */
	uint64_t seen;     /* monotonic_usec() from before libvirt was asked */
	char driver[16];   /* "qemu", "lxc" */
	char *text;
	char *name, *uuid; /* MESSAGE_PRESENT, MESSAGE_UNDESCRIBED: the domain's, says libvirt */
	char **uuids;
	size_t uuid_count;
	bool described;  /* MESSAGE_LISTED: each of them was described after `seen`, as a whole */
	bool names_only; /* MESSAGE_LISTED: none of them was asked for its description */
	struct message *prev, *next;
};

struct message *new_message(enum message_kind kind, size_t connection, uint64_t seen,
			    const char *text);
void free_message(struct message **message);

struct mailbox;

int new_mailbox(struct mailbox **ret);
void free_mailbox(struct mailbox **mailbox);

/* Takes the message over. From any thread. */
void post_message(struct mailbox *mailbox, struct message *message);

/* The oldest message, or NULL. */
struct message *take_message(struct mailbox *mailbox);

/* Polls readable while there are messages. */
int mailbox_descriptor(const struct mailbox *mailbox);

#endif
