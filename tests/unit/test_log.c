/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on stderr: level, domain, and nothing from outside that forges a line. */
#include <unistd.h>

#include "hostd/base/log.h"
#include "tests/harness/test.h"

/* stderr goes to a pipe while a test logs; `text` is what arrived. */
struct capture {
	int saved, pipe[2];
	char text[512];
};

static void start_capture(struct capture *capture)
{
	assert_int_equal(pipe(capture->pipe), 0);
	capture->saved = dup(STDERR_FILENO);
	assert_true(capture->saved >= 0);
	assert_true(dup2(capture->pipe[1], STDERR_FILENO) >= 0);
}

static const char *end_capture(struct capture *capture)
{
	ssize_t size;

	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	close(capture->saved);
	close(capture->pipe[1]);
	size = read(capture->pipe[0], capture->text, sizeof(capture->text) - 1);
	close(capture->pipe[0]);
	assert_true(size >= 0);
	capture->text[size] = '\0';
	return capture->text;
}

static void lines_say_level_domain_and_text(void **state)
{
	struct capture capture;

	(void)state;
	start_capture(&capture);
	log_error("web", "%s is bad", "it");
	log_warning(NULL, "look");
	log_info(NULL, "100%%");
	log_info("", "vnet0 denied");
	assert_string_equal(end_capture(&capture), "test_log: error: web: it is bad\n"
						   "test_log: warning: look\n"
						   "test_log: 100%\n"
						   "test_log: vnet0 denied\n");
}

static void less_important_lines_are_not_written(void **state)
{
	struct capture capture;

	(void)state;
	start_capture(&capture);
	log_debug(NULL, "unseen");
	set_log_level(LOG_DEBUG);
	log_debug(NULL, "seen");
	set_log_level(LOG_INFO);
	assert_string_equal(end_capture(&capture), "test_log: debug: seen\n");
}

static void text_cannot_forge_a_line(void **state)
{
	struct capture capture;

	(void)state;
	start_capture(&capture);
	log_notice("a\nb", "x\033[2Jy\n");
	assert_string_equal(end_capture(&capture), "test_log: a\\x0ab: x\\x1b[2Jy\\x0a\n");
}

struct heard {
	int level, count;
	char text[64];
};

static void hear(int level, const char *domain, const char *text, void *context)
{
	struct heard *heard = context;

	heard->level = level;
	heard->count++;
	snprintf(heard->text, sizeof(heard->text), "%s|%s", domain ? domain : "", text);
}

static void a_listener_hears_what_matters(void **state)
{
	struct capture capture;
	struct heard heard = {0};

	(void)state;
	start_capture(&capture);
	set_log_listener(hear, &heard);
	log_info("web", "never mind");
	assert_int_equal(heard.count, 0);
	log_warning("web", "look at %d", 7);
	assert_int_equal(heard.level, LOG_WARNING);
	assert_string_equal(heard.text, "web|look at 7");
	/* Even what is not written. */
	set_log_level(LOG_ERR);
	log_notice(NULL, "quietly");
	assert_string_equal(heard.text, "|quietly");
	set_log_level(LOG_INFO);
	set_log_listener(NULL, NULL);
	log_error("web", "unheard");
	assert_int_equal(heard.count, 2);
	assert_string_equal(end_capture(&capture), "test_log: web: never mind\n"
						   "test_log: warning: web: look at 7\n"
						   "test_log: error: web: unheard\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_hears_what_matters),
		cmocka_unit_test(lines_say_level_domain_and_text),
		cmocka_unit_test(less_important_lines_are_not_written),
		cmocka_unit_test(text_cannot_forge_a_line),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
