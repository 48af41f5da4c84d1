/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The canonical form: parsing it gives the same model, printing that gives the same text. */
#include <dirent.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "hostd/policy/write/print.h"
#include "tests/harness/compare_models.h"
#include "tests/harness/test.h"
#include "tests/harness/world.h"

#define WORLDS 300

static struct random random_state;

/* One of the three kinds of document. */
struct document {
	struct policy *policy;
	struct address_set *set;
	struct domain_policy *domain;
};

static char *print_document(const struct document *document)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	if (document->policy)
		print_policy(document->policy, stream);
	if (document->set)
		print_address_set(document->set, stream);
	if (document->domain)
		print_domain_policy(document->domain, stream);
	assert_int_equal(fclose(stream), 0);
	return text;
}

static struct document parse_document(const char *text, bool is_domain)
{
	struct document document = {0};
	struct diag diag = {0};
	int r = is_domain ? parse_domain_policy(text, strlen(text), "text", 1, &document.domain,
						&diag)
			  : parse_policy_text(text, strlen(text), "text", &document.policy,
					      &document.set, &diag);

	if (r)
		fail_msg("%s\n%s", diag_message(&diag), text);
	return document;
}

static void clear_document(struct document *document)
{
	free_policy(&document->policy);
	free_address_set(&document->set);
	free_domain_policy(&document->domain);
}

static void assert_round_trip(const struct document *document)
{
	_cleanup_free_ char *text = print_document(document);
	struct document again = parse_document(text, document->domain != NULL);
	_cleanup_free_ char *text_again = print_document(&again);

	assert_string_equal(text, text_again);
	if (document->policy)
		assert_same_policy(document->policy, again.policy);
	if (document->set)
		assert_same_set(document->set, again.set);
	if (document->domain)
		assert_same_domain(document->domain, again.domain);
	clear_document(&again);
}

static void random_documents_come_back(void **state)
{
	unsigned int worlds = random_rounds(WORLDS);

	(void)state;
	for (unsigned int i = 0; i < worlds; i++) {
		struct policy_case test;
		struct world world;

		open_case(&test);
		make_world(&random_state, &test, &world);
		for (size_t j = 0; j < WORLD_POLICIES; j++)
			assert_round_trip(&(struct document){.policy = world.policies[j]});
		for (size_t j = 0; j < WORLD_SETS; j++)
			assert_round_trip(&(struct document){.set = world.sets[j]});
		assert_round_trip(&(struct document){.domain = world.domain});
		free_world(&world);
		close_case(&test);
	}
}

/* What people may write in more than one way, and the one way it is printed. */
static void spellings_become_one(void **state)
{
	static const char *const cases[][2] = {
		{"<policy xmlns='urn:vmseg:1' name='a'/>",
		 "<policy xmlns=\"urn:vmseg:1\" name=\"a\">\n</policy>\n"},
		{"<v:policy xmlns:v='urn:vmseg:1' name='a'><!-- c --><v:rule action='allow'\n"
		 " direction='inout' log='no' keep-established='no'>"
		 "<v:protocol number='6'/><v:protocol number='1'/><v:tcp port='80-80'/>"
		 "<v:tcp port='0-65535' source-port='1-2'/><v:icmp type='8'/><v:icmp type='77' "
		 "code='0'/></v:rule>"
		 "<v:limits half-open='7' sessions='1'/>"
		 "<v:guards vlan='30,7' mac='off' other-ethertypes='allow' tcp-window='liberal'/>"
		 "<v:default out='deny'/><v:description> two\n words </v:description></v:policy>",
		 "<policy xmlns=\"urn:vmseg:1\" name=\"a\">\n"
		 "  <description>two words</description>\n"
		 "  <default out=\"deny\"/>\n"
		 "  <guards mac=\"off\" other-ethertypes=\"allow\" vlan=\"7,30\" "
		 "tcp-window=\"liberal\"/>\n"
		 "  <limits sessions=\"1\" half-open=\"7\"/>\n"
		 "  <rule direction=\"inout\" action=\"allow\">\n"
		 "    <tcp/>\n"
		 "    <icmp/>\n"
		 "    <tcp port=\"80\"/>\n"
		 "    <tcp source-port=\"1-2\"/>\n"
		 "    <icmp type=\"echo-request\"/>\n"
		 "    <icmp type=\"77\" code=\"0\"/>\n"
		 "  </rule>\n"
		 "</policy>\n"},
		{"<set xmlns='urn:vmseg:1' name='s'><cidr>\n 2001:DB8::/32 </cidr>"
		 "<cidr>10.0.0.1/32</cidr></set>",
		 "<set xmlns=\"urn:vmseg:1\" name=\"s\">\n"
		 "  <cidr>2001:db8::/32</cidr>\n"
		 "  <cidr>10.0.0.1</cidr>\n"
		 "</set>\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct document document = parse_document(cases[i][0], false);
		_cleanup_free_ char *text = print_document(&document);

		assert_string_equal(text, cases[i][1]);
		clear_document(&document);
	}
}

static void domains_are_printed_whole(void **state)
{
	static const char text[] =
		"<domain xmlns=\"urn:vmseg:1\" mode=\"audit\">\n"
		"  <default in=\"allow\" out=\"deny\"/>\n"
		"  <guards ip=\"off\" vlan=\"any\"/>\n"
		"  <limits sessions=\"20000\" session-rate=\"500\" session-burst=\"1000\" "
		"half-open=\"512\" sessions-per-remote=\"200\"/>\n"
		"  <group name=\"web\"/>\n"
		"  <policy ref=\"web-server\"/>\n"
		"  <policy>\n"
		"    <rule direction=\"in\" action=\"allow\" log=\"yes\" "
		"keep-established=\"yes\">\n"
		"      <remote group=\"bastion\"/>\n"
		"      <remote set=\"rfc1918\"/>\n"
		"      <remote cidr=\"10.0.0.0/8\"/>\n"
		"      <tcp port=\"8443\" source-port=\"1024-65535\"/>\n"
		"      <udp/>\n"
		"      <sctp/>\n"
		"      <udplite/>\n"
		"      <icmpv6 type=\"packet-too-big\"/>\n"
		"      <protocol number=\"47\"/>\n"
		"    </rule>\n"
		"  </policy>\n"
		"  <interface mac=\"52:54:00:5d:e1:21\">\n"
		"    <default in=\"deny\"/>\n"
		"    <guards dhcp-server=\"on\" router-advertisement=\"off\" vlan=\"none\"/>\n"
		"    <limits sessions=\"5\"/>\n"
		"    <address ip=\"10.0.0.5\"/>\n"
		"    <address ip=\"10.8.0.0/28\"/>\n"
		"    <policy ref=\"mgmt-only\"/>\n"
		"  </interface>\n"
		"</domain>\n";
	struct document document = parse_document(text, true);
	_cleanup_free_ char *again = print_document(&document);

	(void)state;
	assert_string_equal(again, text);
	assert_round_trip(&document);
	clear_document(&document);
}

static void shipped_documents_come_back(void **state)
{
	DIR *directory = opendir("policies");
	const struct dirent *item;
	unsigned int count = 0;

	(void)state;
	assert_non_null(directory);
	while ((item = readdir(directory))) {
		const char *suffix = strrchr(item->d_name, '.');
		struct document document = {0};
		struct diag diag = {0};
		char path[512];

		if (!suffix || strcmp(suffix, ".xml") != 0)
			continue;
		snprintf(path, sizeof(path), "policies/%s", item->d_name);
		assert_int_equal(parse_policy_file(path, &document.policy, &document.set, &diag),
				 0);
		assert_round_trip(&document);
		clear_document(&document);
		count++;
	}
	closedir(directory);
	assert_true(count >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_documents_come_back),
		cmocka_unit_test(spellings_become_one),
		cmocka_unit_test(domains_are_printed_whole),
		cmocka_unit_test(shipped_documents_come_back),
	};

	random_state = start_random();
	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
