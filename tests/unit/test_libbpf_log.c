/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of libbpf's output, by way of libbpf itself: an object that cannot be opened makes
 * it speak.
 */
#include <bpf/libbpf.h>

#include "hostd/datapath/objects/libbpf_log.h"
#include "tests/harness/test.h"

/* libbpf's own print callback, as it calls it. */
__attribute__((format(printf, 2, 3))) static void say_at(enum libbpf_print_level level,
							 const char *format, ...)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	va_list arguments;

	libbpf_set_print(print);
	va_start(arguments, format);
	print(level, format, arguments);
	va_end(arguments);
}

#define say(...) say_at(LIBBPF_WARN, __VA_ARGS__)

static void what_libbpf_says_is_kept(void **state)
{
	const char nonsense[] = "this is no ELF file";

	capture_libbpf();
	assert_string_equal(last_libbpf_message(), "");
	assert_null(bpf_object__open_mem(nonsense, sizeof(nonsense), NULL));
	assert_string_not_equal(last_libbpf_message(), "");
	capture_libbpf();
	assert_string_equal(last_libbpf_message(), "");
}

static void of_a_refusal_the_verdict_is_kept(void **state)
{
	capture_libbpf();
	say("libbpf: prog 'to_vm': BPF program load failed: Permission denied\n");
	say("libbpf: prog 'to_vm': -- BEGIN PROG LOAD LOG --\n%s-- END PROG LOAD LOG --\n",
	    "0: (b7) r0 = 0\n1: (61) r1 = *(u32 *)(r1 +12)\ninvalid access to packet\n"
	    "processed 75429 insns (limit 1000000)\n");
	say("libbpf: prog 'to_vm': failed to load: -13\n");
	assert_string_equal(last_libbpf_message(), "0: (b7) r0 = 0 | 1: (61) r1 = *(u32 *)(r1 "
						   "+12) | invalid access to packet");
}

/* However much there is of it. */
static void of_a_long_log_the_end_is_kept(void **state)
{
	static char log[100000];

	memset(log, 'x', sizeof(log) - 1);
	memcpy(log + sizeof(log) - 12, "\nthe verdict", 12);
	capture_libbpf();
	for (int i = 0; i < 1000; i++)
		say("line %d\n", i);
	assert_string_equal(last_libbpf_message(), "line 997 | line 998 | line 999");
	capture_libbpf();
	say("%.*s\n", (int)sizeof(log), log);
	assert_non_null(strstr(last_libbpf_message(), "the verdict"));
}

static void debugging_output_is_left_out(void **state)
{
	capture_libbpf();
	say_at(LIBBPF_DEBUG, "detail %d\n", 1);
	assert_string_equal(last_libbpf_message(), "");
	say_at(LIBBPF_INFO, "hint %d\n", 2);
	assert_string_equal(last_libbpf_message(), "hint 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_libbpf_says_is_kept),
		cmocka_unit_test(of_a_refusal_the_verdict_is_kept),
		cmocka_unit_test(of_a_long_log_the_end_is_kept),
		cmocka_unit_test(debugging_output_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
