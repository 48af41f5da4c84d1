/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Candidates: what would be if a policy or set were applied, while nothing changes. */
#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "hostd/change/candidate.h"
#include "hostd/config/load_config.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/library_share.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/plan/plan.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"

#define POLICY(content) "<policy xmlns='urn:vmseg:1' name='web'>" content "</policy>"
#define SET(content)    "<set xmlns='urn:vmseg:1' name='office'>" content "</set>"
#define ALLOW_OFFICE                                                                               \
	"<rule id='ssh' direction='in' action='allow'><remote set='office'/><tcp "                 \
	"port='22'/></rule>"
#define DOMAIN                                                                                     \
	"<domain type='kvm'><name>web</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"     \
	"<metadata><vmseg:domain xmlns:vmseg='urn:vmseg:1'><vmseg:policy ref='web'/>"              \
	"</vmseg:domain></metadata><devices><interface type='bridge'>"                             \
	"<mac address='" CASE_MAC "'/><target dev='vnet0'/></interface></devices></domain>"

/* An enforcer with a library and one domain, without a datapath: candidates need none. */
struct fixture {
	struct policy_case files;
	struct config *config;
	struct library_share share;
	struct enforcer enforcer;
	struct managed_domain domain;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	open_case(&fixture->files);
	add_case_file(&fixture->files, "web", POLICY(ALLOW_OFFICE));
	add_case_file(&fixture->files, "office", SET("<cidr>10.1.0.0/16</cidr>"));
	assert_int_equal(load_config(NULL, &fixture->config, NULL), 0);
	assert_int_equal(load_library(fixture->files.directory, &fixture->share.library, NULL), 0);
	fixture->enforcer.config = fixture->config;
	fixture->enforcer.library = &fixture->share;
	assert_int_equal(parse_domain(DOMAIN, strlen(DOMAIN), &fixture->domain.domain, NULL), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	free_domain(&fixture->domain.domain);
	free_library(&fixture->share.library);
	free_config(&fixture->config);
	close_case(&fixture->files);
	free(fixture);
	return 0;
}

static struct domain_plan *plan_with(struct fixture *fixture, const char *xml)
{
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_plan *plan = NULL;

	assert_int_equal(read_candidate(&fixture->enforcer, xml, "draft", &candidate, &diag), 0);
	assert_int_equal(plan_candidate(&fixture->enforcer, candidate, &fixture->domain, &plan,
					&diag),
			 0);
	assert_non_null(plan);
	return plan;
}

/* Whether the plan lets this remote in to port 22. */
static bool allows(const struct domain_plan *plan, const char *remote)
{
	struct policy_query query = make_query(DIRECTION_IN, remote, IPPROTO_TCP, 22);

	return look_up_verdict(plan->ports[0]->image, &query) & VERDICT_ALLOW;
}

static void a_policy_stands_in_for_the_one_of_its_name(void **state)
{
	struct domain_plan *plan =
		plan_with(*state,
			  POLICY("<limits sessions='7'/>"
				 "<rule id='all' direction='in' action='allow'><tcp/></rule>"));

	assert_true(allows(plan, "192.0.2.1"));
	assert_int_equal(plan->ports[0]->config.limits[LIMIT_SESSIONS], 7);
	assert_string_equal(plan->ports[0]->rules->items[0].id, "all");
	assert_string_equal(plan->ports[0]->rules->items[0].place, "draft:1");
	free_domain_plan(&plan);
}

static void a_set_changes_the_policies_that_name_it(void **state)
{
	struct domain_plan *plan = plan_with(*state, SET("<cidr>10.2.0.0/16</cidr>"));

	assert_true(allows(plan, "10.2.0.1"));
	assert_false(allows(plan, "10.1.0.1"));
	free_domain_plan(&plan);
}

static void the_daemons_library_stays(void **state)
{
	struct fixture *fixture = *state;
	struct domain_plan *plan = plan_with(fixture, POLICY(""));

	assert_false(allows(plan, "10.1.0.1"));
	assert_int_equal(find_policy(enforcer_library(&fixture->enforcer), "web", NULL)->rule_count,
			 1);
	free_domain_plan(&plan);
}

static void what_apply_refuses_is_no_candidate(void **state)
{
	struct fixture *fixture = *state;
	struct candidate *candidate = NULL;
	struct diag diag = {0};

	assert_int_equal(read_candidate(&fixture->enforcer,
					POLICY("<rule direction='in' action='allow'>"
					       "<remote set='nowhere'/></rule>"),
					"draft", &candidate, &diag),
			 -ENOENT);
	assert_null(candidate);
	assert_non_null(strstr(diag_message(&diag), "draft:1"));
	clear_diag(&diag);
	assert_int_equal(read_candidate(&fixture->enforcer, "<policy/>", "draft", &candidate,
					&diag),
			 -EINVAL);
	clear_diag(&diag);
}

/* A policy that a set has taken the place of. */
static void a_policy_can_stand_for_all_others(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;

	add_case_file(&fixture->files, "host", "<policy xmlns='urn:vmseg:1' name='host'/>");
	free_library(&fixture->share.library);
	assert_int_equal(load_library(fixture->files.directory, &fixture->share.library, NULL), 0);
	fixture->config->mandatory_policy = strdup("host");
	assert_int_equal(read_candidate(&fixture->enforcer,
					"<policy xmlns='urn:vmseg:1' name='strict'>"
					"<default out='deny'/></policy>",
					"draft", &candidate, NULL),
			 0);
	assert_int_equal(plan_candidate_alone(&fixture->enforcer, candidate, &fixture->domain,
					      &plan, NULL),
			 0);
	assert_int_equal(plan->ports[0]->policy_count, 2);
	assert_string_equal(plan->ports[0]->policies[0], "host");
	assert_string_equal(plan->ports[0]->policies[1], "strict");
	assert_int_equal(plan->ports[0]->rules->count, 0);
	assert_int_equal(plan->ports[0]->default_action[DIRECTION_OUT], ACTION_DENY);
	assert_string_equal(plan->ports[0]->settings.defaults[DIRECTION_OUT], "draft:1");
	assert_null(plan->ports[0]->settings.defaults[DIRECTION_IN]);
}

static void a_domain_that_cannot_be_planned_says_why(void **state)
{
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct fixture *fixture = *state;
	struct domain_plan *plan = NULL;

	assert_int_equal(read_candidate(&fixture->enforcer, "<set xmlns='urn:vmseg:1' name='web'/>",
					"draft", &candidate, &diag),
			 0);
	assert_true(plan_candidate(&fixture->enforcer, candidate, &fixture->domain, &plan, &diag) <
		    0);
	assert_null(plan);
	assert_non_null(strstr(diag_message(&diag), "is an address set, not a policy"));
}

static void an_unmanaged_domain_has_no_plan(void **state)
{
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	struct fixture *fixture = *state;
	struct domain_plan *plan = NULL;

	free(TAKE_PTR(fixture->domain.domain->metadata));
	assert_int_equal(read_candidate(&fixture->enforcer, POLICY(""), "draft", &candidate, NULL),
			 0);
	assert_int_equal(plan_candidate(&fixture->enforcer, candidate, &fixture->domain, &plan,
					NULL),
			 0);
	assert_null(plan);
}

static void a_ports_plan_is_found_by_mac_and_device(void **state)
{
	struct domain_plan *plan = plan_with(*state, POLICY(""));
	struct managed_port port = {.device = "vnet0"};

	memcpy(port.mac, case_mac, MAC_BYTES);
	assert_ptr_equal(find_port_plan(plan, &port), plan->ports[0]);
	strcpy(port.device, "vnet1");
	assert_null(find_port_plan(plan, &port));
	strcpy(port.device, "vnet0");
	port.mac[5]++;
	assert_null(find_port_plan(plan, &port));
	assert_null(find_port_plan(NULL, &port));
	free_domain_plan(&plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_policy_stands_in_for_the_one_of_its_name),
		TEST(a_set_changes_the_policies_that_name_it),
		TEST(the_daemons_library_stays),
		TEST(what_apply_refuses_is_no_candidate),
		TEST(a_policy_can_stand_for_all_others),
		TEST(a_domain_that_cannot_be_planned_says_why),
		TEST(an_unmanaged_domain_has_no_plan),
		TEST(a_ports_plan_is_found_by_mac_and_device),
	};

	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
