/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What good documents become, and the bounds on files. Bad ones: test_parse_errors.c. */
#include <limits.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/xml.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"

#define SCHEMA "build/vmseg.rng"

static struct policy *parse_good_policy(const char *xml)
{
	struct address_set *set = NULL;
	struct policy *policy = NULL;
	struct diag diag = {0};

	if (parse_policy_text(xml, strlen(xml), "F", &policy, &set, &diag))
		fail_msg("%s", diag_message(&diag));
	assert_null(set);
	assert_non_null(policy);
	return policy;
}

static void what_is_not_said_is_unset(void **state)
{
	_cleanup_(free_policy) struct policy *policy =
		parse_good_policy("<policy xmlns='urn:vmseg:1' name='p'/>");

	(void)state;
	assert_string_equal(policy->name, "p");
	assert_null(policy->description);
	assert_string_equal(policy->place.source, "F");
	assert_int_equal(policy->place.line, 1);
	assert_int_equal(policy->defaults.action[DIRECTION_IN], -1);
	assert_int_equal(policy->defaults.action[DIRECTION_OUT], -1);
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		assert_int_equal(policy->guards.setting[i], GUARD_UNSET);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		assert_int_equal(policy->limits.value[i], -1);
	assert_int_equal(policy->rule_count, 0);
}

static void a_policy_is_read_whole(void **state)
{
	_cleanup_(free_policy) struct policy *policy = parse_good_policy(
		"<policy xmlns='urn:vmseg:1' name='p'>\n"
		"<default in='allow' out='deny'/>\n"
		"<guards mac='on' ip='off' dhcp-server='on' router-advertisement='off'\n"
		" other-ethertypes='allow' vlan='4094,1' tcp-window='liberal'/>\n"
		"<limits sessions='4194304' session-rate='0'/>\n"
		"<rule id='a' direction='out' action='allow' log='yes' keep-established='yes'>\n"
		"<remote cidr='10.0.0.0/8'/>\n"
		"<remote group='g'/><remote set='s'/>"
		"<tcp port='80-90' source-port='7'/><icmpv6 type='nd-redirect' code='255'/>"
		"</rule>\n"
		"<rule direction='inout' action='deny'/>\n"
		"</policy>");
	const struct rule *rule = &policy->rules[0];

	(void)state;
	assert_int_equal(policy->defaults.action[DIRECTION_IN], ACTION_ALLOW);
	assert_int_equal(policy->defaults.action[DIRECTION_OUT], ACTION_DENY);
	assert_int_equal(policy->guards.setting[GUARD_KIND_MAC], GUARD_ON);
	assert_int_equal(policy->guards.setting[GUARD_KIND_IP], GUARD_OFF);
	assert_int_equal(policy->guards.setting[GUARD_KIND_ARP], GUARD_UNSET);
	/* "on" lets the VM be a DHCP server: the guard is off. */
	assert_int_equal(policy->guards.setting[GUARD_KIND_DHCP_SERVER], GUARD_OFF);
	assert_int_equal(policy->guards.setting[GUARD_KIND_ROUTER_ADVERTISEMENT], GUARD_ON);
	assert_int_equal(policy->guards.setting[GUARD_KIND_OTHER_ETHERTYPES], GUARD_OFF);
	assert_int_equal(policy->guards.setting[GUARD_KIND_VLAN], GUARD_ON);
	assert_int_equal(policy->guards.setting[GUARD_KIND_TCP_WINDOW], GUARD_OFF);
	assert_int_equal(policy->guards.vlan_count, 2);
	assert_int_equal(policy->guards.vlans[0], 1);
	assert_int_equal(policy->guards.vlans[1], 4094);
	assert_int_equal(policy->limits.value[LIMIT_SESSIONS], 4194304);
	assert_int_equal(policy->limits.value[LIMIT_SESSION_RATE], 0);
	assert_int_equal(policy->rule_count, 2);
	assert_string_equal(rule->id, "a");
	assert_true(rule->out && !rule->in && rule->log && rule->keep_established);
	assert_int_equal(rule->action, ACTION_ALLOW);
	assert_int_equal(rule->place.line, 6);
	assert_int_equal(rule->remote_count, 3);
	assert_int_equal(rule->remotes[0].kind, REMOTE_CIDR);
	assert_int_equal(rule->remotes[1].kind, REMOTE_GROUP);
	assert_string_equal(rule->remotes[1].name, "g");
	assert_int_equal(rule->remotes[2].kind, REMOTE_SET);
	assert_int_equal(rule->remotes[2].line, 8);
	assert_int_equal(rule->service_count, 2);
	assert_int_equal(rule->services[0].protocol, IPPROTO_TCP);
	assert_int_equal(rule->services[0].port_first, 80);
	assert_int_equal(rule->services[0].port_last, 90);
	assert_int_equal(rule->services[0].source_first, 7);
	assert_int_equal(rule->services[0].source_last, 7);
	assert_int_equal(rule->services[1].protocol, IPPROTO_ICMPV6);
	assert_int_equal(rule->services[1].icmp_type, 137);
	assert_int_equal(rule->services[1].icmp_code, 255);
	assert_true(policy->rules[1].in && policy->rules[1].out);
	assert_null(policy->rules[1].id);
	assert_int_equal(policy->rules[1].services == NULL, 1);
}

static void a_domain_is_read_whole(void **state)
{
	static const char xml[] = "<v:domain xmlns:v='urn:vmseg:1' mode='audit'>\n"
				  "<v:policy ref='web-server'/>\n"
				  "<v:policy><v:rule direction='in' action='allow'/></v:policy>\n"
				  "<v:group name='web'/><v:group name='prod'/>\n"
				  "<v:interface mac='52:54:00:5D:E1:21'>\n"
				  "<v:address ip='10.0.0.5'/><v:address ip='2001:db8::5'/>\n"
				  "<v:address ip='10.8.0.0/28'/>\n"
				  "<v:limits sessions='7'/><v:policy ref='web-server'/>\n"
				  "</v:interface></v:domain>";
	_cleanup_(free_domain_policy) struct domain_policy *domain = NULL;
	static const uint8_t mac[MAC_BYTES] = {0x52, 0x54, 0, 0x5d, 0xe1, 0x21};
	const struct interface_policy *interface;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_domain_policy(xml, strlen(xml), "domain a", 20, &domain, &diag), 0);
	assert_int_equal(domain->mode, MODE_AUDIT);
	assert_int_equal(domain->place.line, 20);
	assert_int_equal(domain->policy_count, 2);
	assert_string_equal(domain->policies[0].ref, "web-server");
	assert_int_equal(domain->policies[0].line, 21);
	assert_null(domain->policies[1].ref);
	assert_null(domain->policies[1].policy->name);
	assert_int_equal(domain->policies[1].policy->rules[0].place.line, 22);
	assert_int_equal(domain->group_count, 2);
	assert_string_equal(domain->groups[1], "prod");
	assert_int_equal(domain->interface_count, 1);
	interface = &domain->interfaces[0];
	assert_memory_equal(interface->mac, mac, sizeof(mac));
	assert_int_equal(interface->address_count, 3);
	assert_int_equal(interface->addresses[2].bits, 96 + 28);
	assert_int_equal(interface->limits.value[LIMIT_SESSIONS], 7);
	assert_int_equal(interface->policy_count, 1);
	assert_int_equal(interface->line, 24);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void expect_file_error(const char *path, int error, const char *message)
{
	struct address_set *set = NULL;
	struct policy *policy = NULL;
	struct diag diag = {0};

	assert_int_equal(parse_policy_file(path, &policy, &set, &diag), error);
	assert_string_equal(diag_message(&diag), message);
	assert_null(policy);
	assert_null(set);
	clear_diag(&diag);
}

static void files_have_a_size(void **state)
{
	static const char head[] = "<policy xmlns='urn:vmseg:1' name='p'/>";
	_cleanup_free_ char *xml = malloc(POLICY_FILE_MAX + 1);
	struct address_set *set = NULL;
	struct policy *policy = NULL;
	struct diag diag = {0};

	(void)state;
	assert_non_null(xml);
	memset(xml, ' ', POLICY_FILE_MAX + 1);
	memcpy(xml, head, strlen(head));
	assert_int_equal(parse_policy_text(xml, POLICY_FILE_MAX, "F", &policy, &set, &diag), 0);
	free_policy(&policy);
	assert_int_equal(parse_policy_text(xml, POLICY_FILE_MAX + 1, "F", &policy, &set, &diag),
			 -EINVAL);
	assert_string_equal(diag_message(&diag), "F: it is 1048577 bytes long (at most 1048576)");
	clear_diag(&diag);
}

/* libxml2 counts bytes in an int. Nothing is read of a text that is longer. */
static void documents_have_a_size(void **state)
{
	xmlDoc *document = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_xml("", (size_t)INT_MAX + 1, "F", 1, &document, &diag), -EINVAL);
	assert_null(document);
	assert_string_equal(diag_message(&diag),
			    "F: it is 2147483648 bytes long (at most 8388608)");
	clear_diag(&diag);
}

static void files_must_be_files(void **state)
{
	struct policy_case test;
	char path[64], message[256];

	(void)state;
	open_case(&test);
	expect_file_error("/nonexistent.xml", -ENOENT,
			  "/nonexistent.xml: cannot read it: No such file or directory");
	expect_file_error("/dev/zero", -EINVAL, "/dev/zero: it is not a regular file");
	snprintf(message, sizeof(message), "%s: it is not a regular file", test.directory);
	expect_file_error(test.directory, -EINVAL, message);
	snprintf(path, sizeof(path), "%s/fifo.xml", test.directory);
	snprintf(message, sizeof(message), "%s: it is not a regular file", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_file_error(path, -EINVAL, message);
	add_case_file(&test, "large", "");
	snprintf(path, sizeof(path), "%s/large.xml", test.directory);
	snprintf(message, sizeof(message), "%s: it is 1048577 bytes long (at most 1048576)", path);
	assert_int_equal(truncate(path, POLICY_FILE_MAX + 1), 0);
	expect_file_error(path, -EINVAL, message);
	close_case(&test);
}

/* Without its last word nothing is taken. */
static void without_a_schema_nothing_is_accepted(void **state)
{
	static const char xml[] = "<policy xmlns='urn:vmseg:1' name='p'/>";
	struct address_set *set = NULL;
	struct policy *policy = NULL;
	struct diag diag = {0};

	(void)state;
	set_schema_path("/nonexistent.rng");
	assert_int_equal(parse_policy_text(xml, strlen(xml), "F", &policy, &set, &diag), -ENOENT);
	assert_string_equal(diag_message(&diag),
			    "/nonexistent.rng: cannot read the schema: No such file or directory");
	clear_diag(&diag);
	set_schema_path("policies/allow-out.xml");
	assert_int_equal(parse_policy_text(xml, strlen(xml), "F", &policy, &set, &diag), -EIO);
	assert_non_null(strstr(diag_message(&diag), "policies/allow-out.xml:"));
	assert_non_null(strstr(diag_message(&diag), "cannot use the schema: "));
	clear_diag(&diag);
	set_schema_path(SCHEMA);
	assert_int_equal(parse_policy_text(xml, strlen(xml), "F", &policy, &set, &diag), 0);
	free_policy(&policy);
}

/* The schema is the authority: one that knows less refuses what the reader takes. */
static void the_schema_has_the_last_word(void **state)
{
	static const char schema[] = "<element name='policy' ns='urn:vmseg:1' "
				     "xmlns='http://relaxng.org/ns/structure/1.0'>"
				     "<attribute name='name'/></element>";
	static const char xml[] = "<policy xmlns='urn:vmseg:1' name='p'>\n"
				  "<limits sessions='1'/></policy>";
	struct address_set *set = NULL;
	struct policy *policy = NULL;
	struct policy_case test;
	struct diag diag = {0};
	char path[64], expected[256];

	(void)state;
	open_case(&test);
	add_case_file(&test, "small", schema);
	snprintf(path, sizeof(path), "%s/small.xml", test.directory);
	set_schema_path(path);
	assert_int_equal(parse_policy_text(xml, strlen(xml), "F", &policy, &set, &diag), -EINVAL);
	snprintf(expected, sizeof(expected), "it does not follow the schema %s: ", path);
	assert_non_null(strstr(diag_message(&diag), expected));
	clear_diag(&diag);
	set_schema_path(SCHEMA);
	close_case(&test);
}

/* ---- the schema itself ---------------------------------------------------------------------- */

static char *read_whole(FILE *stream)
{
	char *text = calloc(1, 1 << 20);

	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, stream) > 0);
	return text;
}

static void the_schema_is_made_from_its_compact_form(void **state)
{
	_cleanup_fclose_ FILE *committed = fopen(SCHEMA, "re");
	_cleanup_free_ char *command = NULL, *expected = NULL, *made_text = NULL;
	struct policy_case test;
	FILE *made;
	char path[64];

	(void)state;
	if (access("/usr/bin/trang", X_OK) < 0) {
		print_message("skipped: trang is not installed\n");
		skip();
	}
	open_case(&test);
	snprintf(path, sizeof(path), "%s/made.rng", test.directory);
	assert_true(asprintf(&command, "/usr/bin/trang build/vmseg.rnc %s", path) > 0);
	assert_int_equal(system(command), 0);
	assert_non_null(committed);
	made = fopen(path, "re");
	assert_non_null(made);
	expected = read_whole(committed);
	made_text = read_whole(made);
	fclose(made);
	assert_string_equal(made_text, expected);
	close_case(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_is_unset),
		cmocka_unit_test(a_policy_is_read_whole),
		cmocka_unit_test(a_domain_is_read_whole),
		cmocka_unit_test(files_have_a_size),
		cmocka_unit_test(documents_have_a_size),
		cmocka_unit_test(files_must_be_files),
		cmocka_unit_test(without_a_schema_nothing_is_accepted),
		cmocka_unit_test(the_schema_has_the_last_word),
		cmocka_unit_test(the_schema_is_made_from_its_compact_form),
	};

	set_schema_path(SCHEMA);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
