// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handshakes that two CPUs finish, repeat or reset at once: each was half-open once, and is not
 * any more, so the count that the limit goes by ends where it began.
 */
#include "tests/bpf/bpf_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define HANDSHAKES 60000
#define PORTS      50000

struct race {
	struct rig_port *port;
	_Atomic uint32_t opened; /* handshakes that wait for their last segment */
	_Atomic uint32_t arrived;
};

static struct packet last_segment(uint32_t number)
{
	return tcp(VM, WEB, 10000 + number % PORTS, 80, number % 4 ? ACK : RST, .sequence = 101,
		   .acknowledgment = 501);
}

static void wait_for(const _Atomic uint32_t *value, uint32_t least)
{
	while (*value < least)
		sched_yield();
}

/* Waits for each handshake to be opened, and ends it at the same time as the other thread. */
static void *finish_handshakes(void *argument)
{
	struct race *race = argument;

	for (uint32_t i = 0; i < HANDSHAKES; i++) {
		struct packet packet = last_segment(i);

		wait_for(&race->opened, i + 1);
		run_frame(race->port, OUT, &packet);
		race->arrived++;
	}
	return NULL;
}

static void open_handshake(struct rig_port *port, uint32_t number)
{
	uint16_t local = (uint16_t)(10000 + number % PORTS);
	struct packet packet = tcp(VM, WEB, local, 80, SYN, .sequence = 100);

	run_frame(port, OUT, &packet);
	packet = tcp(WEB, VM, 80, local, SYN | ACK, .sequence = 500, .acknowledgment = 101);
	run_frame(port, IN, &packet);
}

static void what_is_no_longer_half_open_is_counted_once(void **state)
{
	struct race race = {.port = *state};
	struct packet first = tcp(VM, WEB, 9, 80, SYN);
	pthread_t other;

	set_session_limit(race.port, 1 << 17);
	race.port->record.half_open = 1000;
	publish_port(race.port);
	run_frame(race.port, OUT, &first); /* makes the port the device's, and stays half-open */
	assert_int_equal(pthread_create(&other, NULL, finish_handshakes, &race), 0);
	for (uint32_t i = 0; i < HANDSHAKES; i++) {
		struct packet packet = last_segment(i);

		open_handshake(race.port, i);
		race.opened++;
		run_frame(race.port, OUT, &packet);
		wait_for(&race.arrived, i + 1);
	}
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(read_rig_port_state(race.port).half_open, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(what_is_no_longer_half_open_is_counted_once),
	};

	return run_rig_tests(tests);
}
