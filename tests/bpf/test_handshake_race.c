// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handshakes that two CPUs finish, repeat or reset at once: each was half-open once, and is not
 * any more, so the count that the limit goes by ends where it began. And sessions that two CPUs end
 * and follow up at once.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>
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
	race.port->record.limits[LIMIT_HALF_OPEN] = 1000;
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

/* ---- a SYN beside its answer ---------------------------------------------------------------- */

#define REPEATS 20000

static const uint8_t scale_7[] = {SCALE(7), NOP};

static struct packet scaled_syn(uint32_t number)
{
	return tcp(VM, WEB, 10000 + number % PORTS, 80, SYN, .sequence = 100,
		   .options = {scale_7, sizeof(scale_7)});
}

static void *repeat_syns(void *argument)
{
	struct race *race = argument;

	for (uint32_t i = 0; i < REPEATS; i++) {
		struct packet packet = scaled_syn(i);

		wait_for(&race->opened, i + 1);
		run_frame(race->port, OUT, &packet);
		race->arrived++;
	}
	return NULL;
}

/* The SYN comes again on one CPU, its answer on another: both have agreed on scales, whatever of it
 * is written last. */
static void a_repeated_syn_does_not_undo_the_scales(void **state)
{
	struct race race = {.port = *state};
	struct packet first = tcp(VM, WEB, 9, 80, SYN);
	struct session session;
	pthread_t other;

	set_session_limit(race.port, 1 << 17);
	run_frame(race.port, OUT, &first);
	assert_int_equal(pthread_create(&other, NULL, repeat_syns, &race), 0);
	for (uint32_t i = 0; i < REPEATS; i++) {
		uint16_t local = (uint16_t)(10000 + i);
		struct packet packet = scaled_syn(i), answer;
		struct session_key key = session_between(VM, local, WEB, 80, IPPROTO_TCP);

		answer = tcp(WEB, VM, 80, local, SYN | ACK, .sequence = 500, .acknowledgment = 101,
			     .options = {scale_7, sizeof(scale_7)});
		run_frame(race.port, OUT, &packet);
		race.opened++;
		run_frame(race.port, IN, &answer);
		wait_for(&race.arrived, i + 1);
		assert_true(find_session(race.port, &key, &session));
		assert_int_equal(session.state, STATE_SYN_RECEIVED);
		assert_int_equal(session.scale[IN], 7);
		assert_int_equal(session.scale[OUT], 7);
	}
	assert_int_equal(pthread_join(other, NULL), 0);
}

/* ---- the end of one session and the beginning of the next ----------------------------------- */

#define KEYS   64
#define ROUNDS 1500

static struct packet syn_of(uint32_t number)
{
	return tcp(VM, WEB, 2000 + number, 80, SYN, .sequence = 100);
}

static void open_all(struct rig_port *port)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		struct packet packet = syn_of(i);

		run_frame(port, OUT, &packet);
	}
}

static void fill_keys(struct session_key keys[KEYS])
{
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = session_between(VM, (uint16_t)(2000 + i), WEB, 80, IPPROTO_TCP);
}

static void *open_too(void *argument)
{
	struct race *race = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		wait_for(&race->opened, i + 1);
		open_all(race->port);
		race->arrived++;
	}
	return NULL;
}

static void *sweep_too(void *argument)
{
	struct race *race = argument;
	struct session_key keys[KEYS];

	fill_keys(keys);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		wait_for(&race->opened, i + 1);
		expire_sessions(race->port, keys, KEYS);
		race->arrived++;
	}
	return NULL;
}

/* Half-open sessions that run out at once, so that each SYN ends one and opens the next. */
static void race_for_ends(struct rig_port *port, void *(*rival)(void *))
{
	const uint32_t timeout = port->rig->settings.timeout[STATE_SYN_SENT];
	const struct session_key nobody = session_between(VM, 9, WEB, 80, IPPROTO_UDP);
	struct packet first = udp(VM, WEB, 9, 80);
	struct race race = {.port = port};
	struct session_key keys[KEYS];
	pthread_t other;

	fill_keys(keys);
	port->record.limits[LIMIT_HALF_OPEN] = 100000;
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 100000;
	publish_port(port);
	run_frame(port, OUT, &first); /* makes the port the device's */
	port->rig->settings.timeout[STATE_SYN_SENT] = 0;
	apply_rig_settings(port->rig);
	assert_int_equal(pthread_create(&other, NULL, rival, &race), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		race.opened++;
		open_all(port);
		wait_for(&race.arrived, i + 1);
	}
	assert_int_equal(pthread_join(other, NULL), 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		struct session session;

		if (find_session(port, &keys[i], &session))
			age_session(port, &keys[i], 10);
	}
	expire_sessions(port, keys, KEYS);
	assert_int_equal(count_sessions(port), 1);
	assert_int_equal(read_rig_port_state(port).half_open, 0);
	assert_int_equal(count_remote_sessions(port, &nobody), 1);
	port->rig->settings.timeout[STATE_SYN_SENT] = timeout;
	apply_rig_settings(port->rig);
}

static void two_syns_end_a_session_once(void **state)
{
	race_for_ends(*state, open_too);
}

static void a_syn_and_the_sweep_end_a_session_once(void **state)
{
	race_for_ends(*state, sweep_too);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(what_is_no_longer_half_open_is_counted_once),
		rig_test(a_repeated_syn_does_not_undo_the_scales),
		rig_test(two_syns_end_a_session_once),
		rig_test(a_syn_and_the_sweep_end_a_session_once),
	};

	return run_rig_tests(tests);
}
