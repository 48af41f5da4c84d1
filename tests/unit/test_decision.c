/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hook's decision table, whole. */
#include "hooks/libvirt/decision.h"
#include "tests/harness/test.h"

static const char *const starting[] = {"prepare", "start", "migrate", "restore"};
static const char *const harmless[] = {"started", "stopped", "release", "reconnect", "attach", ""};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_running_guest_is_never_hurt(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(harmless); i++) {
		for (int answer = ANSWER_YES; answer <= ANSWER_NONE; answer++) {
			for (int require = REQUIRE_MANAGED; require <= REQUIRE_NEVER; require++) {
				assert_false(must_refuse(harmless[i], answer, true, require));
				assert_false(must_refuse(harmless[i], answer, false, require));
			}
		}
	}
}

static void the_daemon_has_the_last_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(starting); i++) {
		for (int require = REQUIRE_MANAGED; require <= REQUIRE_NEVER; require++) {
			for (int managed = 0; managed < 2; managed++) {
				assert_false(
					must_refuse(starting[i], ANSWER_YES, managed, require));
				assert_true(must_refuse(starting[i], ANSWER_NO, managed, require));
			}
		}
	}
}

static void without_the_daemon_the_settings_decide(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(starting); i++) {
		const char *operation = starting[i];

		assert_true(must_refuse(operation, ANSWER_NONE, true, REQUIRE_MANAGED));
		assert_false(must_refuse(operation, ANSWER_NONE, false, REQUIRE_MANAGED));
		assert_true(must_refuse(operation, ANSWER_NONE, true, REQUIRE_ALWAYS));
		assert_true(must_refuse(operation, ANSWER_NONE, false, REQUIRE_ALWAYS));
		assert_false(must_refuse(operation, ANSWER_NONE, true, REQUIRE_NEVER));
		assert_false(must_refuse(operation, ANSWER_NONE, false, REQUIRE_NEVER));
	}
}

static void what_the_daemon_hears_of(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(starting); i++)
		assert_true(is_reported(starting[i]) && may_refuse(starting[i]));
	assert_true(is_reported("reconnect") && !may_refuse("reconnect"));
	assert_true(is_reported("stopped") && is_reported("release") && is_reported("started"));
	assert_false(is_reported("attach"));
	assert_false(is_reported(""));
}

/* A daemon that gives no sign of life is waited for only where that decides about the guest. */
static void who_does_not_need_the_daemon_waits_less(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(starting); i++) {
		uint64_t needed = silence_limit(starting[i], true, REQUIRE_MANAGED);

		assert_int_equal(needed, silence_limit(starting[i], false, REQUIRE_ALWAYS));
		assert_true(silence_limit(starting[i], false, REQUIRE_MANAGED) < needed);
		assert_true(silence_limit(starting[i], true, REQUIRE_NEVER) < needed);
		for (size_t j = 0; j < COUNT(harmless); j++)
			assert_true(silence_limit(harmless[j], true, REQUIRE_ALWAYS) < needed);
	}
}

static void metadata_is_recognized(void **state)
{
	static const char with[] = "<domain><metadata><vmseg:domain xmlns:vmseg=\"urn:vmseg:1\"/>";
	static const char version_2[] = "<domain><metadata><v xmlns=\"urn:VMseg:2\"/></metadata>";
	static const char without[] = "<domain><metadata><other xmlns=\"urn:other\"/></metadata>";

	(void)state;
	assert_true(mentions_vmseg(with, strlen(with)));
	/* The daemon refuses this one: without the daemon it must not start unfiltered. */
	assert_true(mentions_vmseg(version_2, strlen(version_2)));
	assert_false(mentions_vmseg(without, strlen(without)));
	assert_false(mentions_vmseg("", 0));
	/* Only what is inside the size counts. */
	assert_false(mentions_vmseg(with, strlen(with) - strlen("seg:1\"/>")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_running_guest_is_never_hurt),
		cmocka_unit_test(the_daemon_has_the_last_word),
		cmocka_unit_test(without_the_daemon_the_settings_decide),
		cmocka_unit_test(what_the_daemon_hears_of),
		cmocka_unit_test(who_does_not_need_the_daemon_waits_less),
		cmocka_unit_test(metadata_is_recognized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
