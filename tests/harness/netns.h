/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network namespace of the test's own, with a guest's tap on a bridge:
 *
 *   vm ---- tap [port] ---- bridge ---- out ---- net
 *
 * All are veth devices; the test sends and sees frames at both ends. Mounts are the test's own too:
 * the datapath pins in a bpffs that nobody else sees.
 *
 * What should work and does not fails the test at hand.
 */
#ifndef VMSEG_TEST_NETNS_H
#define VMSEG_TEST_NETNS_H

#include <stdbool.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/objects/port_config.h"
#include "tests/harness/packet.h"
#include "tests/harness/policy_case.h"

struct netns {
	struct datapath_config config;
	struct datapath *datapath; /* open, or NULL */
	struct port_config port;   /* for attach_tap(): no guards, 1,000 sessions */
	unsigned int tap;          /* ifindex */
	int vm, net;               /* packet sockets at both ends */
	struct policy_case policy; /* its image: what attach_tap() takes */
	struct diag diag;
};

/* Group set-up: enters the namespaces, for good. Root only. */
int enter_netns(void **state);

/* Test set-up and tear-down. The first makes the devices, opens a datapath and sets *state; if that
 * pointed to an enum attach_method before, with that method. The second takes vmseg off. */
int make_netns(void **state);
int drop_netns(void **state);

/* Like cmocka_run_group_tests() with enter_netns(); leaves out, and says so, the tests by TCX where
 * the kernel has none. */
#define run_netns_tests(tests) run_tests_in_netns((tests), ARRAY_SIZE(tests))
struct CMUnitTest;
int run_tests_in_netns(const struct CMUnitTest *tests, size_t count);

/* Runs a command of the system's; it must succeed. */
__attribute__((format(printf, 1, 2))) void run_command(const char *format, ...);

/* First line of what a command prints; "" for none. */
const char *ask_command(const char *command, char *line, size_t size);

/* Like a daemon's end and its start with the same settings. */
void close_netns_datapath(struct netns *netns);
void open_netns_datapath(struct netns *netns);

/* The content of a <policy>; default: all is denied. */
void set_netns_policy(struct netns *netns, const char *content);
#define ALLOW_ALL "<default in='allow' out='allow'/>"
#define DENY_ALL  "<default in='deny' out='deny'/>"

void attach_tap(struct netns *netns);
void update_tap(struct netns *netns);
/* Also gives back all that it had. */
void detach_tap(struct netns *netns);
/* As the daemon does when nobody waits. */
void tidy_netns_datapath(struct netns *netns);

/* Sends the frame from the end where it comes from. Does it come out at the other end? What says no
 * is a frame sent after it that came out, so it is no matter of time. That frame is of an Ethernet
 * protocol that the port must let through. */
bool crosses(const struct netns *netns, enum direction direction, struct packet packet);

/* Packets of the tap's port with that reason. */
uint64_t count_reason(const struct netns *netns, enum direction direction, enum reason reason);

/* Live sessions of the tap's port. */
uint32_t count_live_sessions(const struct netns *netns);

/* What there is of vmseg's in this namespace and below the pins: links, filters, pins. */
unsigned int count_remains(const struct netns *netns);

#endif
