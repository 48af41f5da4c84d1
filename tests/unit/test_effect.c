/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an effect says of a port that is gone before its sessions have been judged, or whose
 * sessions cannot be read. */
#include "hostd/base/cleanup.h"
#include "hostd/change/effect.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "tests/harness/test.h"

#define DOMAIN                                                                                     \
	"<domain type='kvm'><name>other</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"   \
	"</domain>"

#define IFINDEX 7

static void cut_none(const struct port_effect *effect, const struct managed_port *port,
		     const struct session_view *view, uint32_t verdict, void *context)
{
	fail_msg("a session of a port that has gone");
}

/* By the linker's --wrap: what the next call returns. */
static int result;

int __wrap_page_sessions(struct datapath *datapath, unsigned int ifindex, uint32_t wanted,
			 uint32_t *place, void (*visit)(const struct session_view *, void *),
			 void *context);

int __wrap_page_sessions(struct datapath *datapath, unsigned int ifindex, uint32_t wanted,
			 uint32_t *place, void (*visit)(const struct session_view *, void *),
			 void *context)
{
	assert_int_equal(ifindex, IFINDEX);
	return result;
}

static struct effect *two_ports(void)
{
	struct effect *effect = calloc(1, sizeof(*effect));

	assert_non_null(effect);
	effect->ports = calloc(2, sizeof(*effect->ports));
	assert_non_null(effect->ports);
	effect->port_count = 2;
	for (size_t i = 0; i < 2; i++) {
		effect->ports[i].domain = "web";
		effect->ports[i].ifindex = IFINDEX;
		effect->ports[i].changes.image = true;
	}
	effect->place = 5; /* in the middle of the first */
	return effect;
}

static void expect_none_judged(struct enforcer *enforcer)
{
	_cleanup_(free_effect) struct effect *effect = two_ports();

	assert_int_equal(judge_sessions(effect, enforcer, 10, cut_none, NULL), 1);
	assert_int_equal(effect->place, 0);
	assert_int_equal(judge_sessions(effect, enforcer, 10, cut_none, NULL), 0);
	assert_int_equal(judge_sessions(effect, enforcer, 10, cut_none, NULL), 0);
	assert_int_equal(effect->ports[0].sessions + effect->ports[1].sessions, 0);
}

static void a_port_that_has_gone_has_no_sessions(void **state)
{
	struct enforcer enforcer = {0};

	expect_none_judged(&enforcer);
}

static void nor_has_one_that_is_another_domains_now(void **state)
{
	struct managed_port port = {.ifindex = IFINDEX};
	struct managed_domain domain = {.ports = &port, .port_count = 1};
	struct enforcer enforcer = {.domains = &domain};

	result = -EIO; /* it is not called */
	assert_int_equal(parse_domain(DOMAIN, strlen(DOMAIN), &domain.domain, NULL), 0);
	expect_none_judged(&enforcer);
	free_domain(&domain.domain);
}

static void sessions_that_cannot_be_read_are_an_error(void **state)
{
	_cleanup_(free_effect) struct effect *effect = two_ports();
	struct managed_port port = {.ifindex = IFINDEX};
	struct managed_domain domain = {.ports = &port, .port_count = 1};
	struct enforcer enforcer = {.domains = &domain};

	assert_int_equal(parse_domain(DOMAIN, strlen(DOMAIN), &domain.domain, NULL), 0);
	effect->ports[0].domain = effect->ports[1].domain = domain.domain->name;
	result = -ENOMEM;
	assert_int_equal(judge_sessions(effect, &enforcer, 10, cut_none, NULL), -ENOMEM);
	assert_int_equal(effect->judged, 0);
	result = -ENOENT;
	assert_int_equal(judge_sessions(effect, &enforcer, 10, cut_none, NULL), 1);
	assert_int_equal(effect->judged, 1);
	free_domain(&domain.domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_that_has_gone_has_no_sessions),
		cmocka_unit_test(nor_has_one_that_is_another_domains_now),
		cmocka_unit_test(sessions_that_cannot_be_read_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
