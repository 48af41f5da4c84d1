/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans: from a domain's XML, a library and groups to what each NIC shall have. */
#include <netinet/in.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/config/load_config.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/plan/description.h"
#include "hostd/enforce/plan/plan.h"
#include "hostd/enforce/plan/rule_notes.h"
#include "hostd/enforce/plan/rules_cache.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/test.h"

#define DOMAIN(metadata, devices)                                                                  \
	"<domain type='kvm'><name>web</name>"                                                      \
	"<uuid>11111111-2222-3333-4444-555555555555</uuid>"                                        \
	"<metadata>" metadata "</metadata><devices>" devices "</devices></domain>"
#define VMSEG(content) "<vmseg:domain xmlns:vmseg='urn:vmseg:1'>" content "</vmseg:domain>"
#define BRIDGE(mac, target)                                                                        \
	"<interface type='bridge'><mac address='" mac "'/><source bridge='br0'/>" target           \
	"</interface>"
#define MAC_A "52:54:00:00:00:0a"
#define MAC_B "52:54:00:00:00:0b"

static const struct {
	const char *name, *text;
} files[] = {
	{"web-server.xml",
	 "<policy xmlns='urn:vmseg:1' name='web-server'>\n"
	 "<default in='deny' out='deny'/>\n"
	 "<limits sessions='500' session-rate='50'/>\n"
	 "<rule id='http' direction='in' action='allow'><tcp port='80'/></rule>\n"
	 "<rule id='ssh' direction='in' action='allow' log='yes'><remote group='admins'/>"
	 "<tcp port='22'/></rule>\n"
	 "</policy>\n"},
	{"host.xml", "<policy xmlns='urn:vmseg:1' name='host'>\n"
		     "<rule id='no-smtp' direction='out' action='deny'><tcp port='25'/></rule>\n"
		     "</policy>\n"},
	{"broken.xml", "<policy xmlns='urn:vmseg:1' name='broken'>\n<rul/>\n</policy>\n"},
};

struct fixture {
	char directory[32];
	struct config *config;
	struct library *library;
	struct prefix admin;
	struct plan_inputs inputs;
};

static size_t list_members(void *context, const char *group, const struct prefix **ret)
{
	struct fixture *fixture = context;

	*ret = &fixture->admin;
	return strcmp(group, "admins") == 0;
}

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[96];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	stream = fopen(path, "w");
	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	strcpy(fixture->directory, "/tmp/test_plan.XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		write_file(fixture->directory, files[i].name, files[i].text);
	assert_int_equal(load_config(NULL, &fixture->config, NULL), 0);
	assert_int_equal(load_library(fixture->directory, &fixture->library, NULL), 0);
	assert_int_equal(parse_prefix("10.9.0.1", &fixture->admin), PREFIX_OK);
	fixture->inputs = (struct plan_inputs){.config = fixture->config,
					       .library = fixture->library,
					       .groups = {list_members, fixture}};
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char path[96];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->directory, files[i].name);
		unlink(path);
	}
	rmdir(fixture->directory);
	free_library(&fixture->library);
	free_config(&fixture->config);
	free(fixture);
	return 0;
}

static int make_plan(struct fixture *fixture, const char *xml, struct domain_plan **ret,
		     struct diag *diag)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	int r;

	assert_int_equal(parse_domain(xml, strlen(xml), &domain, diag), 0);
	r = read_domain_policy(fixture->config, domain, &policy, diag);
	if (r < 0)
		return r;
	assert_non_null(policy);
	return plan_domain(&fixture->inputs, domain, policy, ret, diag);
}

static struct domain_plan *expect_plan(struct fixture *fixture, const char *xml)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_plan *plan = NULL;
	int r = make_plan(fixture, xml, &plan, &diag);

	if (r < 0)
		print_error("%s: %s\n", diag.error.where, diag.error.text);
	assert_int_equal(r, 0);
	assert_non_null(plan);
	return plan;
}

static void expect_refusal(struct fixture *fixture, const char *xml, const char *part)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_plan *plan = NULL;
	const char *message;

	assert_true(make_plan(fixture, xml, &plan, &diag) < 0);
	assert_null(plan);
	message = diag_message(&diag);
	if (!strstr(message, part))
		print_error("\"%s\" is not in \"%s\"\n", part, message);
	assert_non_null(strstr(message, part));
}

static uint32_t ask(const struct port_plan *plan, const char *remote, uint8_t direction,
		    uint16_t port)
{
	struct policy_query query = {.direction = direction,
				     .protocol = IPPROTO_TCP,
				     .port = port,
				     .source_port = 40000};
	struct prefix address;

	assert_int_equal(parse_prefix(remote, &address), PREFIX_OK);
	memcpy(query.remote, address.address, ADDRESS_BYTES);
	return look_up_verdict(plan->image, &query);
}

/* A NIC that cannot have its policy takes nothing from the others. */
static void each_nic_is_planned_for_itself(void **state)
{
	static const char xml[] =
		DOMAIN(VMSEG("<vmseg:policy ref='web-server'/>"
			     "<vmseg:interface mac='" MAC_A "'><vmseg:policy ref='no-such'/>"
			     "</vmseg:interface>"),
		       BRIDGE(MAC_A, "<target dev='vnet7'/>") BRIDGE(MAC_B, ""));
	struct fixture *fixture = *state;
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};

	expect_refusal(fixture, xml, "no-such");
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, &diag), 0);
	assert_int_equal(read_domain_policy(fixture->config, domain, &policy, &diag), 0);
	assert_int_equal(plan_nics(&fixture->inputs, domain, policy, &plan, &diag), 0);
	assert_int_equal(plan->port_count, 2);
	assert_false(plan->partial);
	assert_null(plan->ports[0]->image);
	assert_non_null(strstr(plan->ports[0]->error, "no-such"));
	assert_string_equal(plan->ports[0]->target, "vnet7");
	assert_null(plan->ports[1]->error);
	assert_int_equal(ask(plan->ports[1], "192.0.2.1", DIRECTION_IN, 80), VERDICT_ALLOW | 1);
}

static void a_nic_gets_its_policy(void **state)
{
	struct domain_plan *plan =
		expect_plan(*state,
			    DOMAIN(VMSEG("<vmseg:policy ref='web-server'/>"
					 "<vmseg:interface mac='" MAC_A "'>"
					 "<vmseg:address ip='10.0.0.5'/></vmseg:interface>"),
				   BRIDGE(MAC_A, "<target dev='vnet7'/>")));
	const struct port_plan *port = plan->ports[0];

	assert_int_equal(plan->port_count, 1);
	assert_string_equal(port->target, "vnet7");
	assert_string_equal(port->type, "bridge");
	assert_int_equal(port->config.mac[5], 0x0a);
	assert_int_equal(port->config.limits[LIMIT_SESSIONS], 500);
	assert_int_equal(port->config.limits[LIMIT_SESSION_RATE], 50);
	assert_int_equal(port->config.address_count, 1);
	assert_int_equal(port->config.flags, 0);
	assert_int_equal(port->default_action[DIRECTION_OUT], ACTION_DENY);
	assert_int_equal(port->image_nodes, port->image->node_count);
	/* Rules carry their names to wherever a number shows up. */
	assert_int_equal(port->rules->count, 2);
	assert_string_equal(port->rules->items[1].id, "ssh");
	assert_string_equal(port->rules->items[1].policy, "web-server");
	assert_non_null(strstr(port->rules->items[1].place, "web-server.xml:5"));
	assert_true(port->rules->items[1].log && port->rules->items[1].in &&
		    !port->rules->items[1].out);
	assert_int_equal(port->rules->group_count, 1);
	assert_string_equal(port->rules->groups[0], "admins");
	assert_int_equal(port->policy_count, 1);
	assert_string_equal(port->policies[0], "web-server");
	/* And the image says the same. */
	assert_int_equal(ask(port, "192.0.2.1", DIRECTION_IN, 80), VERDICT_ALLOW | 1);
	assert_int_equal(ask(port, "10.9.0.1", DIRECTION_IN, 22), VERDICT_ALLOW | VERDICT_LOG | 2);
	assert_int_equal(ask(port, "10.9.0.2", DIRECTION_IN, 22), 0);
	free_domain_plan(&plan);
}

static void the_mandatory_policy_comes_first(void **state)
{
	struct fixture *fixture = *state;
	struct domain_plan *plan;

	fixture->config->mandatory_policy = strdup("host");
	plan = expect_plan(fixture,
			   DOMAIN(VMSEG("<vmseg:policy ref='web-server'/>"), BRIDGE(MAC_A, "")));
	assert_int_equal(plan->ports[0]->policy_count, 2);
	assert_string_equal(plan->ports[0]->policies[0], "host");
	assert_string_equal(plan->ports[0]->rules->items[0].id, "no-smtp");
	free_domain_plan(&plan);

	free(fixture->config->mandatory_policy);
	fixture->config->mandatory_policy = strdup("gone");
	expect_refusal(fixture, DOMAIN(VMSEG(""), BRIDGE(MAC_A, "")), "gone");
}

static void nics_may_differ(void **state)
{
	struct domain_plan *plan = expect_plan(
		*state,
		DOMAIN(VMSEG("<vmseg:policy ref='web-server'/>"
			     "<vmseg:interface mac='" MAC_B "'><vmseg:policy>"
			     "<vmseg:rule direction='out' action='allow'/></vmseg:policy>"
			     "</vmseg:interface>"),
		       BRIDGE(MAC_A, "") "<interface type='direct'><mac address='" MAC_B "'/>"
					 "<source dev='eth1'/></interface>"));

	assert_int_equal(plan->port_count, 2);
	assert_string_equal(plan->ports[0]->policies[0], "web-server");
	assert_string_equal(plan->ports[1]->policies[0], "inline");
	assert_null(plan->ports[1]->target);
	free_domain_plan(&plan);
}

static void interfaces_that_are_nobodys_are_warned_of(void **state)
{
	struct domain_plan *plan = NULL;
	struct diag diag = {0};

	assert_int_equal(make_plan(*state,
				   DOMAIN(VMSEG("<vmseg:interface mac='" MAC_A "'/>\n"
						"<vmseg:interface mac='" MAC_B "'><vmseg:address "
						"ip='10.0.0.5'/></vmseg:interface>"),
					  BRIDGE(MAC_A, "")),
				   &plan, &diag),
			 0);
	assert_int_equal(plan->port_count, 1);
	assert_int_equal(diag.warning_count, 1);
	assert_string_equal(diag.warnings[0].where, "domain web:2");
	assert_string_equal(diag.warnings[0].text,
			    "<interface>: the domain has no interface with mac=\"" MAC_B
			    "\": this element has no effect");
	clear_diag(&diag);
	free_domain_plan(&plan);
}

static void audit_is_a_flag(void **state)
{
	struct domain_plan *plan =
		expect_plan(*state, DOMAIN("<vmseg:domain xmlns:vmseg='urn:vmseg:1' mode='audit'/>",
					   BRIDGE(MAC_A, "")));

	assert_int_equal(plan->ports[0]->config.flags, PORT_AUDIT);
	free_domain_plan(&plan);
}

static void what_cannot_be_had_is_refused_whole(void **state)
{
	expect_refusal(*state, DOMAIN(VMSEG("<vmseg:policy ref='nowhere'/>"), BRIDGE(MAC_A, "")),
		       "nowhere");
	expect_refusal(*state, DOMAIN(VMSEG("<vmseg:policy ref='broken'/>"), BRIDGE(MAC_A, "")),
		       "broken.xml:2");
	expect_refusal(*state, DOMAIN(VMSEG("<vmseg:nonsense/>"), BRIDGE(MAC_A, "")),
		       "domain web:1");
	/* The second NIC is bad: the first gets nothing either. */
	expect_refusal(*state,
		       DOMAIN(VMSEG("<vmseg:interface mac='" MAC_B "'>"
				    "<vmseg:policy ref='nowhere'/></vmseg:interface>"),
			      BRIDGE(MAC_A, "") BRIDGE(MAC_B, "")),
		       "nowhere");
}

static void a_nic_beyond_the_host_is_refused_or_left_out(void **state)
{
	static const char xml[] =
		DOMAIN(VMSEG(""),
		       BRIDGE(MAC_A, "") "<interface type='user'><mac address='" MAC_B "'/>"
					 "</interface>");
	static const char beside[] =
		"<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
		"<name>web</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"
		"<metadata>" VMSEG("") "</metadata><devices>" BRIDGE(
			MAC_A,
			"") "</devices>\n"
			    "<q:commandline><q:arg value='-netdev'/><q:arg value='user,id=n1'/>"
			    "</q:commandline></domain>";
	struct fixture *fixture = *state;
	struct domain_plan *plan;

	expect_refusal(fixture, xml,
		       "web:1: interface " MAC_B
		       " has type 'user', which cannot be filtered on the host");
	expect_refusal(fixture, beside, "web:2: argument -netdev user,id=n1 creates");
	fixture->config->unfilterable = UNFILTERABLE_IGNORE;
	plan = expect_plan(fixture, xml);
	assert_int_equal(plan->port_count, 1);
	free_domain_plan(&plan);
	plan = expect_plan(fixture, beside);
	assert_int_equal(plan->port_count, 1);
	free_domain_plan(&plan);
}

static void unmanaged_domains_get_what_the_host_says(void **state)
{
	static const char xml[] = DOMAIN("", BRIDGE(MAC_A, ""));
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct domain_policy *policy = NULL;
	struct fixture *fixture = *state;
	struct domain_plan *plan;

	assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL), 0);
	assert_int_equal(read_domain_policy(fixture->config, domain, &policy, NULL), 0);
	assert_null(policy);
	fixture->config->unmanaged_policy = strdup("web-server");
	plan = expect_plan(fixture, xml);
	assert_string_equal(plan->ports[0]->policies[0], "web-server");
	free_domain_plan(&plan);
}

static void a_closed_plan_lets_nothing_through(void **state)
{
	struct domain_interface nic = {.kind = INTERFACE_TAP, .target = (char *)"vnet3"};
	struct port_plan *plan = NULL;

	(void)state;
	memset(nic.mac, 0x52, sizeof(nic.mac));
	assert_int_equal(plan_closed(&nic, &plan), 0);
	assert_true(plan->closed);
	for (uint8_t direction = 0; direction < 2; direction++) {
		assert_int_equal(ask(plan, "192.0.2.1", direction, 80), 0);
		assert_int_equal(ask(plan, "2001:db8::1", direction, 0), 0);
	}
	/* Quarantine: not even ARP, which needs no rule, gets through. */
	assert_int_equal(plan->config.limits[LIMIT_SESSIONS], 0);
	free_port_plan(&plan);
	assert_null(plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Compiled once, though its owners come and go; what a domain says itself is compiled for it. */
static void ports_of_one_policy_share_what_is_compiled(void **state)
{
#define NIC_OF(policy) DOMAIN(VMSEG(policy), BRIDGE(MAC_A, ""))
#define REF(name)      "<vmseg:policy ref='" name "'/>"
	struct fixture *fixture = *state;
	struct rules_cache rules = {0};
	struct domain_plan *plans[5];

	fixture->inputs.rules = &rules;
	plans[0] = expect_plan(fixture, NIC_OF(REF("web-server")));
	plans[1] = expect_plan(fixture, NIC_OF(REF("web-server") "<vmseg:limits sessions='9'/>"));
	plans[2] = expect_plan(fixture, NIC_OF("<vmseg:default in='allow'/>" REF("web-server")));
	plans[3] = expect_plan(fixture, NIC_OF(REF("web-server") REF("host")));
	plans[4] = expect_plan(fixture,
			       NIC_OF(REF("web-server") "<vmseg:policy><vmseg:rule direction='in' "
							"action='deny'><vmseg:tcp port='1'/>"
							"</vmseg:rule></vmseg:policy>"));
	assert_ptr_equal(plans[0]->ports[0]->image, plans[1]->ports[0]->image);
	assert_ptr_equal(plans[0]->ports[0]->rules, plans[1]->ports[0]->rules);
	for (size_t i = 2; i < ARRAY_SIZE(plans); i++)
		assert_ptr_not_equal(plans[0]->ports[0]->image, plans[i]->ports[0]->image);
	assert_int_equal(rules.count, 3);
	clear_rules_cache(&rules);
	free_domain_plan(&plans[0]);
	assert_true(plans[1]->ports[0]->image->node_count > 0);
	assert_string_equal(plans[1]->ports[0]->rules->items[0].id, "http");
	for (size_t i = 1; i < ARRAY_SIZE(plans); i++)
		free_domain_plan(&plans[i]);
}

static bool is_about(const struct rule_notes *rules, void *group)
{
	return rules_mention_group(rules, group);
}

/* And only what names a group that has changed is compiled again. */
static void a_changed_group_is_compiled_anew(void **state)
{
	struct fixture *fixture = *state;
	struct rules_cache rules = {0};
	struct domain_plan *before, *after, *host;
	char nobody[] = "nobody", admins[] = "admins";

	fixture->inputs.rules = &rules;
	before = expect_plan(fixture, NIC_OF(REF("web-server")));
	host = expect_plan(fixture, NIC_OF(REF("host")));
	assert_int_equal(parse_prefix("10.9.0.2", &fixture->admin), PREFIX_OK);
	drop_rules(&rules, is_about, nobody);
	assert_int_equal(rules.count, 2);
	drop_rules(&rules, is_about, admins);
	assert_int_equal(rules.count, 1);
	assert_int_equal(rules.node_count, host->ports[0]->image_nodes);
	after = expect_plan(fixture, NIC_OF(REF("web-server")));
	assert_int_equal(ask(before->ports[0], "10.9.0.2", DIRECTION_IN, 22), 0);
	assert_int_equal(ask(after->ports[0], "10.9.0.2", DIRECTION_IN, 22),
			 VERDICT_ALLOW | VERDICT_LOG | 2);
	free_domain_plan(&before);
	free_domain_plan(&after);
	free_domain_plan(&host);
	clear_rules_cache(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_nic_gets_its_policy),
		TEST(each_nic_is_planned_for_itself),
		TEST(the_mandatory_policy_comes_first),
		TEST(nics_may_differ),
		TEST(interfaces_that_are_nobodys_are_warned_of),
		TEST(audit_is_a_flag),
		TEST(what_cannot_be_had_is_refused_whole),
		TEST(a_nic_beyond_the_host_is_refused_or_left_out),
		TEST(unmanaged_domains_get_what_the_host_says),
		TEST(a_closed_plan_lets_nothing_through),
		TEST(ports_of_one_policy_share_what_is_compiled),
		TEST(a_changed_group_is_compiled_anew),
	};

	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
