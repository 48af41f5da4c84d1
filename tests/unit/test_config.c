/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostd.conf: what it takes, and what it says of what it does not take. */
#include <unistd.h>

#include "hostd/base/log.h"
#include "hostd/config/load_config.h"
#include "hostd/config/settings_list.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "tests/harness/test.h"

static char path[] = "/tmp/test_config.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static struct config *read_good(const char *text)
{
	struct config *config = NULL;
	struct diag diag = {0};

	write_file(text);
	assert_int_equal(load_config(path, &config, &diag), 0);
	assert_null(diag.error.text);
	assert_non_null(config);
	return config;
}

/* The message must end with `expected` after the file's name. */
static void expect_error(const char *text, const char *expected)
{
	struct config *config = NULL;
	struct diag diag = {0};
	char whole[512];

	write_file(text);
	assert_true(load_config(path, &config, &diag) < 0);
	assert_null(config);
	snprintf(whole, sizeof(whole), "%s%s", path, expected);
	assert_string_equal(diag_message(&diag), whole);
	clear_diag(&diag);
}

/* The devices of another host's domains are not here. */
static void expect_remote(const char *uris)
{
	char text[256], message[512];

	snprintf(text, sizeof(text), "libvirt-uri = %s\n", uris);
	snprintf(message, sizeof(message),
		 ":1: libvirt-uri: expected none, or up to 8 URIs of libvirts on this host, such "
		 "as qemu:///system, not \"%s\"",
		 uris);
	expect_error(text, message);
}

static void an_empty_file_gives_the_defaults(void **state)
{
	struct config *config = read_good("# nothing\n\n");

	(void)state;
	assert_string_equal(config->bpffs, "/sys/fs/bpf/vmseg");
	assert_ptr_equal(config->datapath.bpffs, config->bpffs);
	assert_int_equal(config->datapath.live.timeout[STATE_TCP_ESTABLISHED], 86400);
	assert_null(config->mandatory_policy);
	assert_null(config->unmanaged_policy);
	assert_int_equal(config->require_daemon, REQUIRE_MANAGED);
	assert_int_equal(config->libvirt_uri_count, 1);
	assert_int_equal(config->quarantine_except_count, 5);
	assert_null(config->metrics_listen);
	assert_int_equal(config->log_level, LOG_INFO);
	free_config(&config);
	assert_null(config);
}

static void every_kind_of_value_is_taken(void **state)
{
	struct config *config = read_good("attach = clsact\n"
					  "max-ports=7\n"
					  "timeout-closed = 3\n"
					  "event-ring-bytes = 131072\n"
					  "mandatory-policy = host\n"
					  "unmanaged = guests.default\n"
					  "libvirt-uri = qemu:///system, lxc:///system\n"
					  "require-daemon = never\n"
					  "quarantine-except = tap7, vpn-* one-[0-9]*\n"
					  "metrics-listen = [::1]:9876\n"
					  "log-level = debug\n");

	(void)state;
	assert_int_equal(config->datapath.attach, ATTACH_CLSACT);
	assert_int_equal(config->datapath.sizes.max_ports, 7);
	assert_int_equal(config->datapath.live.timeout[STATE_CLOSED], 3);
	assert_int_equal(config->datapath.sizes.ring_bytes, 131072);
	assert_string_equal(config->mandatory_policy, "host");
	assert_string_equal(config->unmanaged_policy, "guests.default");
	assert_int_equal(config->libvirt_uri_count, 2);
	assert_string_equal(config->libvirt_uris[1], "lxc:///system");
	assert_int_equal(config->require_daemon, REQUIRE_NEVER);
	assert_int_equal(config->quarantine_except_count, 3);
	assert_string_equal(config->quarantine_except[0], "tap7");
	assert_string_equal(config->quarantine_except[2], "one-[0-9]*");
	assert_string_equal(config->metrics_listen, "[::1]:9876");
	assert_int_equal(config->log_level, LOG_DEBUG);
	free_config(&config);
}

static void none_is_none(void **state)
{
	struct config *config = read_good("libvirt-uri = none\nmandatory-policy = none\n"
					  "unmanaged = ignore\nmetrics-listen = off\n"
					  "quarantine-except = none\n");

	(void)state;
	assert_int_equal(config->libvirt_uri_count, 0);
	assert_null(config->mandatory_policy);
	assert_null(config->unmanaged_policy);
	assert_null(config->metrics_listen);
	assert_int_equal(config->quarantine_except_count, 0);
	free_config(&config);
}

static void errors_say_where_and_what_was_expected(void **state)
{
	(void)state;
	expect_error("\nmax-port = 5\n",
		     ":2: unknown key \"max-port\" (vmseg-hostd.conf(5) lists them)");
	expect_error("max-ports = 0\n", ":1: max-ports: expected a number from 1 to 65535, "
					"not \"0\"");
	expect_error("max-ports = 12x\n", ":1: max-ports: expected a number from 1 to 65535, "
					  "not \"12x\"");
	expect_error("event-rate = -1\n", ":1: event-rate: expected a number from 0 to 1000000, "
					  "not \"-1\"");
	expect_error("event-ring-bytes = 100000\n",
		     ":1: event-ring-bytes: expected a power of two from 65536 to 67108864, not "
		     "\"100000\"");
	expect_error("attach = xdp\n", ":1: attach: expected auto, tcx or clsact, not \"xdp\"");
	expect_error("bpffs = sys/fs/bpf\n",
		     ":1: bpffs: expected an absolute path, not \"sys/fs/bpf\"");
	expect_error("unmanaged = ../evil\n",
		     ":1: unmanaged: expected ignore or a policy's name, not \"../evil\"");
	expect_error(
		"libvirt-uri = local\n",
		":1: libvirt-uri: expected none, or up to 8 URIs of libvirts on this host, such "
		"as qemu:///system, not \"local\"");
	expect_remote("qemu+ssh:///system");
	expect_remote("qemu+tcp:///system");
	expect_remote("qemu+tls:///system");
	expect_remote("qemu+ext:///system");
	expect_remote("qemu://other/system");
	expect_remote("qemu+unix://other/system");
	expect_remote("qemu:///system lxc://root@other/system");
	expect_error("libvirt-uri = qemu:///system qemu+unix:///system?socket=/run/other\n",
		     ":1: libvirt-uri: expected one URI for each driver, not \"qemu:///system "
		     "qemu+unix:///system?socket=/run/other\"");
	expect_error("libvirt-uri = lxc:///system qemu:///system QEMU:///session\n",
		     ":1: libvirt-uri: expected one URI for each driver, not \"lxc:///system "
		     "qemu:///system QEMU:///session\"");
	expect_error("quarantine-except = tap0 a/b\n",
		     ":1: quarantine-except: expected none, or up to 64 names or patterns of "
		     "devices, not \"tap0 a/b\"");
	expect_error("quarantine-except = ,\n",
		     ":1: quarantine-except: expected none, or names or patterns of devices, not "
		     "\",\"");
	expect_error("metrics-listen = 0.0.0.0:9876\n",
		     ":1: metrics-listen: expected 127.0.0.1:PORT, [::1]:PORT, the path of a unix "
		     "socket, or off, not \"0.0.0.0:9876\"");
}

static void shape_errors_have_their_line(void **state)
{
	(void)state;
	expect_error("# fine\nmax-ports\n", ":2: expected `key = value`");
	expect_error("max-ports = 1\n\nmax-ports = 2\n",
		     ":3: max-ports was already given on line 1");
	expect_error("[daemon]\nmax-ports = 1\n",
		     ":2: no [daemon] or other section is expected, only `key = value` lines");
}

static void an_overlong_line_is_not_cut_in_two(void **state)
{
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "bpffs = /", 9);
	text[sizeof(text) - 1] = '\0';
	expect_error(text, ":1: line is longer than 198 characters");
}

static void the_first_error_is_the_one_reported(void **state)
{
	(void)state;
	expect_error("nonsense = 1\nmax-ports = x\n",
		     ":1: unknown key \"nonsense\" (vmseg-hostd.conf(5) lists them)");
}

static void a_missing_file_is_an_error(void **state)
{
	struct config *config = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(load_config("/nonexistent/hostd.conf", &config, &diag), -2);
	assert_null(config);
	assert_string_equal(diag_message(&diag),
			    "/nonexistent/hostd.conf: No such file or directory");
	clear_diag(&diag);
}

/* ---- the list of settings ------------------------------------------------------------------- */

/* The file of defaults lists every setting, commented out: without the comment signs it must be
 * accepted, and have the same effect as no file. */
static void the_file_of_defaults_shows_the_defaults(void **state)
{
	struct config *defaults = NULL, *config = NULL;
	FILE *commented = tmpfile(), *plain = fopen(path, "w");
	struct diag diag = {0};
	size_t found = 0;
	char line[512];

	(void)state;
	assert_non_null(commented);
	assert_non_null(plain);
	print_default_settings(commented);
	rewind(commented);
	while (fgets(line, sizeof(line), commented)) {
		assert_true(strlen(line) <= 101);
		if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z') {
			fputs(line + 1, plain);
			found++;
		}
	}
	fclose(commented);
	fclose(plain);
	assert_int_equal(found, setting_count);
	assert_int_equal(load_config(NULL, &defaults, NULL), 0);
	assert_int_equal(load_config(path, &config, &diag), 0);
	for (size_t i = 0; i < setting_count; i++) {
		char *expected = format_setting(&settings[i], defaults);
		char *given = format_setting(&settings[i], config);

		assert_string_equal(given, expected);
		assert_string_equal(given, settings[i].standard);
		free(expected);
		free(given);
	}
	free_config(&config);
	free_config(&defaults);
}

/* Sets a value, and says whether it was accepted and comes back as it was given. */
static bool takes_value(const struct setting *setting, const char *value)
{
	struct config *config = NULL;
	struct diag diag = {0};
	char text[256], *given;
	bool same;

	snprintf(text, sizeof(text), "%s = %s\n", setting->name, value);
	write_file(text);
	if (load_config(path, &config, &diag) < 0) {
		clear_diag(&diag);
		return false;
	}
	given = format_setting(setting, config);
	same = strcmp(given, value) == 0;
	free(given);
	free_config(&config);
	return same;
}

static void numbers_have_their_range(void **state)
{
	size_t numbers = 0;

	(void)state;
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting_type *type = &settings[i].type;
		char text[32];

		if (type->maximum == 0)
			continue;
		snprintf(text, sizeof(text), "%u", type->minimum);
		assert_true(takes_value(&settings[i], text));
		snprintf(text, sizeof(text), "%u", type->maximum);
		assert_true(takes_value(&settings[i], text));
		snprintf(text, sizeof(text), "%u", 2 * type->maximum);
		assert_false(takes_value(&settings[i], text));
		numbers++;
	}
	assert_true(numbers > 15);
}

static void every_choice_is_taken(void **state)
{
	size_t choices = 0;

	(void)state;
	for (size_t i = 0; i < setting_count; i++) {
		const char *const *choice = settings[i].type.choices;

		for (; choice && *choice; choice++) {
			assert_true(takes_value(&settings[i], *choice));
			choices++;
		}
	}
	assert_true(choices > 20);
}

/* ---- the manual page ------------------------------------------------------------------------ */

#define PAGE "docs/man/vmseg-hostd.conf.5"

static char *read_page(void)
{
	FILE *stream = fopen(PAGE, "r");
	char *text = calloc(1, 65536);

	assert_non_null(stream);
	assert_non_null(text);
	assert_in_range(fread(text, 1, 65535, stream), 1, 65534);
	fclose(stream);
	return text;
}

/* The page's part about a setting, to be freed. */
static char *find_item(const char *page, const struct setting *setting)
{
	char title[128];
	const char *item, *end, *last;

	snprintf(title, sizeof(title), "\n.It Cm %s = %s\n", setting->name, setting->standard);
	item = strstr(page, title);
	if (!item)
		fail_msg("%s has no item%s", PAGE, title);
	item++;
	end = strstr(item, "\n.It Cm ");
	last = strstr(item, "\n.El");
	if (!end || end > last)
		end = last;
	return strndup(item, (size_t)(end - item));
}

/* "from 1 to 300", "up to 1000000"; of timeouts it is said once, above all. */
static void check_range(const char *page, const char *item, const struct setting *setting)
{
	bool is_timeout = strncmp(setting->name, "timeout-", strlen("timeout-")) == 0;
	char range[64], *text = strdup(is_timeout ? page : item);

	assert_non_null(text);
	for (char *c = text; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	if (setting->type.minimum > 0)
		snprintf(range, sizeof(range), "from %u to %u", setting->type.minimum,
			 setting->type.maximum);
	else
		snprintf(range, sizeof(range), "to %u", setting->type.maximum);
	if (setting->type.maximum > 0 && !strstr(text, range))
		fail_msg("%s: %s does not say \"%s\"", PAGE, setting->name, range);
	free(text);
}

/* Each has an item with its default, its range, and when a change takes effect. */
static void the_manual_page_describes_every_setting(void **state)
{
	static const char *const marks[] = {
		[LIVE] = NULL, [RESTART] = "\n.Em restart", [SIZE] = "\n.Em size"};
	char *page = read_page();

	(void)state;
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *setting = &settings[i];
		char *item = find_item(page, setting);

		check_range(page, item, setting);
		for (size_t when = RESTART; when <= SIZE; when++) {
			if (!!strstr(item, marks[when]) != (setting->when == when))
				fail_msg("%s: %s is marked wrongly", PAGE, setting->name);
		}
		free(item);
	}
	free(page);
}

static void the_manual_page_has_no_other_setting(void **state)
{
	char *page = read_page(), name[64];
	size_t items = 0;

	(void)state;
	for (const char *item = page; (item = strstr(item, "\n.It Cm ")); items++) {
		item += strlen("\n.It Cm ");
		assert_int_equal(sscanf(item, "%63s", name), 1);
		if (!find_setting(name))
			fail_msg("%s: there is no setting %s", PAGE, name);
	}
	assert_int_equal(items, setting_count);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(every_kind_of_value_is_taken),
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(errors_say_where_and_what_was_expected),
		cmocka_unit_test(shape_errors_have_their_line),
		cmocka_unit_test(an_overlong_line_is_not_cut_in_two),
		cmocka_unit_test(the_first_error_is_the_one_reported),
		cmocka_unit_test(a_missing_file_is_an_error),
		cmocka_unit_test(the_file_of_defaults_shows_the_defaults),
		cmocka_unit_test(numbers_have_their_range),
		cmocka_unit_test(every_choice_is_taken),
		cmocka_unit_test(the_manual_page_describes_every_setting),
		cmocka_unit_test(the_manual_page_has_no_other_setting),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
