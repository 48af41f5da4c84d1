/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a veth, in a network namespace of the test's own.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/enforce/plan/veth.h"
#include "tests/harness/test.h"

static int make_links(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	return system("ip link add host0 type veth peer name guest0 &&"
		      "ip link add host1 type veth peer name guest1 &&"
		      "ip link add bridge0 type bridge");
}

static struct domain_interface name_end(const char *target, const char *guest_end)
{
	return (struct domain_interface){
		.target = target ? strdup(target) : NULL,
		.guest_end = guest_end ? strdup(guest_end) : NULL,
	};
}

/* The target that an interface gets; the caller frees it. */
static char *find_target(const char *target, const char *guest_end)
{
	struct domain_interface interface = name_end(target, guest_end);
	struct domain domain = {.interfaces = &interface, .interface_count = 1};

	find_veth_targets(&domain);
	free(interface.guest_end);
	return interface.target;
}

static void other_end_becomes_the_target(void **state)
{
	_cleanup_free_ char *first = find_target(NULL, "guest0");
	_cleanup_free_ char *second = find_target(NULL, "guest1");

	(void)state;
	assert_string_equal(first, "host0");
	assert_string_equal(second, "host1");
}

static void known_target_stays(void **state)
{
	_cleanup_free_ char *target = find_target("bridge0", "guest0");

	(void)state;
	assert_string_equal(target, "bridge0");
}

static void nothing_is_made_up(void **state)
{
	(void)state;
	assert_null(find_target(NULL, NULL));
	assert_null(find_target(NULL, "nothing0"));
	assert_null(find_target(NULL, "bridge0"));
}

/* A process with a network namespace of its own; it ends when it is killed. */
static pid_t start_container(void)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

/* The number of a peer in another namespace may be that of any device here. */
static void peer_elsewhere_is_none(void **state)
{
	pid_t container = start_container();
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "ip link set host1 netns %d", container);
	assert_int_equal(system(command), 0);
	assert_null(find_target(NULL, "guest1"));
	kill(container, SIGKILL);
	waitpid(container, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_end_becomes_the_target),
		cmocka_unit_test(known_target_stays),
		cmocka_unit_test(nothing_is_made_up),
		cmocka_unit_test(peer_elsewhere_is_none),
	};

	return cmocka_run_group_tests(tests, make_links, NULL);
}
