/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several CPUs at once: every packet is counted, the session limit holds to the last session, and
 * of several first packets one opens the session.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>
#include <pthread.h>

#define THREADS 4
#define ROUNDS  50
#define FLOWS   100 /* more than the limit */
#define LIMIT   64

/* Every thread sends the first packets of the same flows, again and again. */
static void *send_first_packets(void *context)
{
	struct rig_port *port = context;

	for (int round = 0; round < ROUNDS; round++) {
		for (int flow = 0; flow < FLOWS; flow++) {
			struct packet packet = tcp(VM, WEB, 40000 + flow, 80, SYN);

			run_frame(port, OUT, &packet);
		}
	}
	return NULL;
}

static void threads_agree_on_sessions_and_counters(void **state)
{
	struct rig_port *port = *state;
	const struct counter *counted;
	pthread_t threads[THREADS];
	struct session_key key = session_between(VM, 0, WEB, 0, IPPROTO_TCP);
	struct port_stats stats;
	uint64_t refused = (uint64_t)THREADS * ROUNDS * (FLOWS - LIMIT);
	uint64_t followed = (uint64_t)THREADS * ROUNDS * LIMIT - LIMIT;

	set_session_limit(port, LIMIT);
	port->record.limits[LIMIT_HALF_OPEN] = 1000;
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 1000;
	publish_port(port);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_first_packets, port), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	read_rig_stats(port->rig, port->slot, &stats);
	counted = stats.by_reason[OUT];
	/* Which flows got in is up to the threads, how many is not. */
	assert_int_equal(count_sessions(port), LIMIT);
	assert_int_equal(counted[REASON_NEW].packets, LIMIT);
	assert_int_equal(counted[REASON_SESSION_LIMIT].packets, refused);
	assert_int_equal(counted[REASON_ESTABLISHED].packets, followed);
	assert_int_equal(counted[REASON_ESTABLISHED].bytes, followed * 54);
	assert_int_equal(read_rig_port_state(port).half_open, LIMIT);
	assert_int_equal(count_remote_sessions(port, &key), LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(threads_agree_on_sessions_and_counters),
	};

	return run_rig_tests(tests);
}
