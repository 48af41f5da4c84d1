/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mailbox. Its descriptor is an eventfd in semaphore mode: one count per message.
 */
#include "hostd/virt/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "hostd/base/cleanup.h"

struct mailbox {
	pthread_mutex_t lock;
	struct message *messages;
	int descriptor;
};

struct message *new_message(enum message_kind kind, size_t connection, uint64_t seen,
			    const char *text)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->kind = kind;
	message->connection = connection;
	message->seen = seen;
	message->text = text ? strdup(text) : NULL;
	if (text && !message->text)
		free_message(&message);
	return message;
}

void free_message(struct message **message)
{
	if (!*message)
		return;
	for (size_t i = 0; i < (*message)->uuid_count; i++)
		free((*message)->uuids[i]);
	free((*message)->uuids);
	free((*message)->text);
	free((*message)->name);
	free((*message)->uuid);
	free(*message);
	*message = NULL;
}

int new_mailbox(struct mailbox **ret)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!mailbox)
		return -ENOMEM;
	mailbox->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (mailbox->descriptor < 0) {
		int r = -errno;

		free(mailbox);
		return r;
	}
	pthread_mutex_init(&mailbox->lock, NULL);
	*ret = mailbox;
	return 0;
}

void free_mailbox(struct mailbox **mailbox)
{
	struct message *message, *next;

	if (!*mailbox)
		return;
	DL_FOREACH_SAFE((*mailbox)->messages, message, next)
	free_message(&message);
	pthread_mutex_destroy(&(*mailbox)->lock);
	close((*mailbox)->descriptor);
	free(*mailbox);
	*mailbox = NULL;
}

void post_message(struct mailbox *mailbox, struct message *message)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&mailbox->lock);
	DL_APPEND(mailbox->messages, message);
	pthread_mutex_unlock(&mailbox->lock);
	/* Cannot fail: the counter has room for more messages than memory has. */
	if (write(mailbox->descriptor, &one, sizeof(one)) < 0)
		return;
}

struct message *take_message(struct mailbox *mailbox)
{
	struct message *message;
	uint64_t one;

	if (read(mailbox->descriptor, &one, sizeof(one)) < 0)
		return NULL;
	pthread_mutex_lock(&mailbox->lock);
	message = mailbox->messages;
	if (message)
		DL_DELETE(mailbox->messages, message);
	pthread_mutex_unlock(&mailbox->lock);
	return message;
}

int mailbox_descriptor(const struct mailbox *mailbox)
{
	return mailbox->descriptor;
}
