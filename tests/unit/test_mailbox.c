/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mailbox: order, the descriptor, many writers. */
#include <poll.h>
#include <pthread.h>

#include "hostd/virt/mailbox.h"
#include "tests/harness/test.h"

#define WRITERS  4
#define MESSAGES 2000

static bool is_readable(const struct mailbox *mailbox)
{
	struct pollfd pollfd = {.fd = mailbox_descriptor(mailbox), .events = POLLIN};

	return poll(&pollfd, 1, 0) == 1;
}

static void messages_come_out_in_order(void **state)
{
	struct mailbox *mailbox = NULL;
	struct message *message;

	(void)state;
	assert_int_equal(new_mailbox(&mailbox), 0);
	assert_false(is_readable(mailbox));
	assert_null(take_message(mailbox));
	post_message(mailbox, new_message(MESSAGE_PRESENT, 0, 7, "<domain/>"));
	post_message(mailbox, new_message(MESSAGE_GONE, 1, 8, "uuid"));
	assert_true(is_readable(mailbox));

	message = take_message(mailbox);
	assert_int_equal(message->kind, MESSAGE_PRESENT);
	assert_int_equal(message->seen, 7);
	assert_string_equal(message->text, "<domain/>");
	free_message(&message);
	assert_null(message);
	assert_true(is_readable(mailbox));

	message = take_message(mailbox);
	assert_int_equal(message->kind, MESSAGE_GONE);
	assert_int_equal(message->connection, 1);
	free_message(&message);
	assert_false(is_readable(mailbox));
	free_mailbox(&mailbox);
	assert_null(mailbox);
}

static void what_nobody_takes_is_freed(void **state)
{
	struct mailbox *mailbox = NULL;

	(void)state;
	assert_int_equal(new_mailbox(&mailbox), 0);
	post_message(mailbox, new_message(MESSAGE_CONNECTED, 0, 1, NULL));
	free_mailbox(&mailbox);
}

static void *write_messages(void *context)
{
	for (uint64_t i = 0; i < MESSAGES; i++)
		post_message(context, new_message(MESSAGE_GONE, 0, i, "x"));
	return NULL;
}

static void no_message_is_lost_between_threads(void **state)
{
	pthread_t writers[WRITERS];
	struct mailbox *mailbox = NULL;
	struct message *message;
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(new_mailbox(&mailbox), 0);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_messages, mailbox), 0);
	for (int taken = 0; taken < WRITERS * MESSAGES; taken++) {
		struct pollfd pollfd = {.fd = mailbox_descriptor(mailbox), .events = POLLIN};

		assert_int_equal(poll(&pollfd, 1, 10000), 1);
		message = take_message(mailbox);
		assert_non_null(message);
		sum += message->seen;
		free_message(&message);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(writers[i], NULL), 0);
	assert_null(take_message(mailbox));
	assert_int_equal(sum, (uint64_t)WRITERS * MESSAGES * (MESSAGES - 1) / 2);
	free_mailbox(&mailbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_in_order),
		cmocka_unit_test(what_nobody_takes_is_freed),
		cmocka_unit_test(no_message_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
