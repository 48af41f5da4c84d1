/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML as libvirt writes it, and what is wrong with XML that it would not write. */
#include "hostd/base/address.h"
#include "hostd/base/cleanup.h"
#include "hostd/domain/domain.h"
#include "hostd/domain/domain_xml.h"
#include "tests/harness/test.h"

#define NAME "<name>web</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>"

static const char running[] =
	"<domain type='kvm' id='3'>\n"
	"  <name>web</name>\n"
	"  <uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>\n"
	"  <metadata>\n"
	"    <app:note xmlns:app='http://example.org/note'>ours</app:note>\n"
	"    <vmseg:domain xmlns:vmseg='urn:vmseg:1' mode='audit'>\n"
	"      <vmseg:policy ref='web-server'/>\n"
	"    </vmseg:domain>\n"
	"  </metadata>\n"
	"  <devices>\n"
	"    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
	"    <interface type='bridge'>\n"
	"      <mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='vnet0'/>\n"
	"    </interface>\n"
	"    <interface type='direct'>\n"
	"      <mac address='52:54:00:00:00:02'/><target dev='macvtap0'/>\n"
	"    </interface>\n"
	"    <interface type='user'><mac address='52:54:00:00:00:03'/></interface>\n"
	"    <interface type='network'><mac address='52:54:00:00:00:04'/></interface>\n"
	"    <interface type='ethernet'><mac address='52:54:00:00:00:05'/><target dev='t'/>\n"
	"    </interface>\n"
	"  </devices>\n"
	"</domain>\n";

/* What the LXC driver tells its `start` hook: no target, but the container's end. */
static void container_end_is_read(void **state)
{
	static const char xml[] =
		"<domain type='lxc'>" NAME "<devices><interface type='bridge'>"
		"<mac address='52:54:00:00:00:01'/><guest dev='eth0' actual='vnet1'/>"
		"</interface><interface type='bridge'>"
		"<mac address='52:54:00:00:00:02'/><target dev='vnet2'/><guest dev='eth1'/>"
		"</interface></devices></domain>";
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, &diag), 0);
	assert_null(domain->interfaces[0].target);
	assert_string_equal(domain->interfaces[0].guest_end, "vnet1");
	assert_string_equal(domain->interfaces[1].target, "vnet2");
	assert_null(domain->interfaces[1].guest_end);
}

/* By which direction libvirt puts an ingress qdisc on the device. */
static void bandwidth_that_polices_is_noticed(void **state)
{
#define NIC(type, limits)                                                                          \
	"<interface type='" type "'><mac address='52:54:00:00:00:01'/><bandwidth>" limits          \
	"</bandwidth></interface>"
#define IN  "<inbound average='1'/>"
#define OUT "<outbound average='1'/>"
	static const char xml[] = "<domain type='kvm'>" NAME "<devices>" NIC("bridge", IN)
		NIC("bridge", OUT) NIC("network", IN OUT) NIC("direct", IN)
			NIC("direct", OUT) "</devices></domain>";
	static const bool expected[] = {false, true, true, true, false};
	_cleanup_(free_domain) struct domain *domain = NULL;

	(void)state;
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL), 0);
	assert_int_equal(domain->interface_count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(domain->interfaces[i].polices, expected[i]);
}

static void interfaces_are_read_in_order(void **state)
{
	static const struct {
		const char *mac;
		enum interface_kind kind;
		const char *type, *target;
		int line;
	} expected[] = {
		{"52:54:00:00:00:01", INTERFACE_TAP, "bridge", "vnet0", 12},
		{"52:54:00:00:00:02", INTERFACE_MACVTAP, "direct", "macvtap0", 15},
		{"52:54:00:00:00:03", INTERFACE_NONE, "user", NULL, 18},
		{"52:54:00:00:00:04", INTERFACE_TAP, "network", NULL, 19},
		{"52:54:00:00:00:05", INTERFACE_TAP, "ethernet", "t", 20},
	};
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_domain(running, strlen(running), &domain, &diag), 0);
	assert_string_equal(domain->name, "web");
	assert_string_equal(domain->uuid, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
	assert_string_equal(domain->driver, "qemu");
	assert_int_equal(domain->interface_count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct domain_interface *interface = &domain->interfaces[i];
		char mac[MAC_TEXT_BYTES];

		assert_string_equal(format_mac(interface->mac, mac), expected[i].mac);
		assert_int_equal(interface->kind, expected[i].kind);
		assert_string_equal(interface->type, expected[i].type);
		assert_int_equal(interface->line, expected[i].line);
		if (expected[i].target)
			assert_string_equal(interface->target, expected[i].target);
		else
			assert_null(interface->target);
	}
}

static void metadata_becomes_a_document_of_its_own(void **state)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_domain(running, strlen(running), &domain, &diag), 0);
	assert_string_equal(domain->metadata,
			    "<vmseg:domain xmlns:vmseg=\"urn:vmseg:1\" mode=\"audit\">\n"
			    "      <vmseg:policy ref=\"web-server\"/>\n"
			    "    </vmseg:domain>");
	assert_int_equal(domain->metadata_line, 6);
}

static void inherited_namespaces_go_with_the_metadata(void **state)
{
	static const char xml[] = "<domain type='lxc' xmlns:v='urn:vmseg:1'>" NAME
				  "<metadata><v:domain><v:group name='a'/></v:domain></metadata>"
				  "</domain>";
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, &diag), 0);
	assert_string_equal(domain->driver, "lxc");
	assert_string_equal(domain->metadata,
			    "<v:domain xmlns:v=\"urn:vmseg:1\"><v:group name=\"a\"/></v:domain>");
}

static void a_domain_without_metadata_is_unmanaged(void **state)
{
	static const char *const cases[] = {
		"<domain type='kvm'>" NAME "</domain>",
		"<domain type='kvm'>" NAME "<metadata/></domain>",
		"<domain type='kvm'>" NAME "<metadata><x xmlns='urn:other:1'/></metadata></domain>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(free_domain) struct domain *domain = NULL;
		struct diag diag = {0};

		assert_int_equal(parse_domain(cases[i], strlen(cases[i]), &domain, &diag), 0);
		assert_null(domain->metadata);
		assert_int_equal(domain->interface_count, 0);
	}
}

static void bad_domains_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *xml, *message;
	} cases[] = {
		{"", "domain XML:1: not valid XML: "},
		{"<domain>\n<name>", "domain XML:2: not valid XML: "},
		{"<!DOCTYPE domain [<!ENTITY a \"b\">]><domain/>",
		 "domain XML:1: a document type declaration (<!DOCTYPE>) is not accepted"},
		{"<network/>",
		 "domain XML:1: the root element is <network> (expected libvirt's <domain>)"},
		{"<domain/>", "domain XML:1: <domain> has no <name> with text"},
		{"<domain><name/></domain>", "domain XML:1: <domain> has no <name> with text"},
		{"<domain>\n<name>web</name></domain>",
		 "domain XML:1: <domain> has no <uuid> with text"},
		{"<domain><name>web</name><uuid>1</uuid></domain>",
		 "domain XML:1: <uuid>: \"1\" is not a UUID"},
		/* It becomes a file's name. */
		{"<domain><name>web</name><uuid>../../victim/settings-of-another-pro</uuid></"
		 "domain>",
		 "domain XML:1: <uuid>: \"../../victim/settings-of-another-pro\" is not a UUID"},
		{"<domain><name>web</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fag</uuid></"
		 "domain>",
		 "domain XML:1: <uuid>: \"4dea22b3-1d52-d8f3-2516-782e98ab3fag\" is not a UUID"},
		{"<domain><name>web</name><uuid>4dea22b31d52-d8f3-2516-782e98ab3fa00</uuid></"
		 "domain>",
		 "domain XML:1: <uuid>: \"4dea22b31d52-d8f3-2516-782e98ab3fa00\" is not a UUID"},
		{"<domain><name>a/b</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid></"
		 "domain>",
		 "domain XML:1: <name>: expected 1 to 255 bytes without slash and line break, got "
		 "\"a/b\""},
		{"<domain><name>a&#10;b</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid></"
		 "domain>",
		 "domain XML:1: <name>: expected 1 to 255 bytes without slash and line break, got "
		 "\"a\nb\""},
		{"<domain>" NAME "<devices>\n<interface type='bridge'/></devices></domain>",
		 "domain web:2: <interface> has no <mac address=\"...\"/>"},
		{"<domain>" NAME "<devices>\n<interface/></devices></domain>",
		 "domain web:2: <interface> has no type"},
		{"<domain>" NAME "<devices><interface type='bridge'>\n\n"
		 "<mac address='01:00:5e:00:00:01'/></interface></devices></domain>",
		 "domain web:3: <mac>: address \"01:00:5e:00:00:01\" is not a unicast MAC "
		 "address"},
		{"<domain>" NAME "<metadata>\n<v:domain/></metadata></domain>",
		 "domain XML:2: not valid XML: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct domain *domain = NULL;
		struct diag diag = {0};
		const char *message;

		assert_int_equal(parse_domain(cases[i].xml, strlen(cases[i].xml), &domain, &diag),
				 -EINVAL);
		assert_null(domain);
		message = diag_message(&diag);
		/* libxml2's own words change from version to version: compare the head. */
		if (strstr(cases[i].message, "not valid XML: "))
			assert_memory_equal(message, cases[i].message, strlen(cases[i].message));
		else
			assert_string_equal(message, cases[i].message);
		clear_diag(&diag);
	}
}

/* Such a domain's interfaces are known all the same: news of them must not be lost. */
static void metadata_that_cannot_be_followed_is_noted(void **state)
{
	static const struct {
		const char *metadata;
		const char *message;
		bool holds; /* what stands beside it */
	} cases[] = {
		{"\n<domain xmlns='urn:vmseg:2'/>",
		 "domain web:2: <domain>: namespace \"urn:vmseg:2\" is not known (expected "
		 "\"urn:vmseg:1\")",
		 false},
		{"<domain xmlns='urn:vmseg:1'/>\n<a xmlns='URN:VMSEG'/><b xmlns='urn:vmseg:3'/>",
		 "domain web:2: <a>: namespace \"URN:VMSEG\" is not known (expected "
		 "\"urn:vmseg:1\")",
		 true},
		{"<a xmlns='urn:vmseg:2'/><domain xmlns='urn:vmseg:1'/>",
		 "domain web:1: <a>: namespace \"urn:vmseg:2\" is not known (expected "
		 "\"urn:vmseg:1\")",
		 true},
		{"<a xmlns='urn:a'><b><domain xmlns='urn:vmseg:1'/></b></a>",
		 "domain web:1: <domain> of namespace urn:vmseg:1 is inside <b> (expected: "
		 "directly below <metadata>)",
		 false},
		{"<domain xmlns='urn:vmseg:1'/>\n<policy xmlns='urn:vmseg:1'/>",
		 "domain web:2: <metadata> contains a second <policy> of namespace urn:vmseg:1",
		 false},
		{"<a xmlns='urn:vmseg:1'/><b xmlns='urn:vmseg:1'/><c xmlns='urn:vmseg:1'/>",
		 "domain web:1: <metadata> contains a second <b> of namespace urn:vmseg:1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(free_domain) struct domain *domain = NULL;
		_cleanup_(clear_diag) struct diag diag = {0};
		char xml[512];

		snprintf(xml, sizeof(xml),
			 "<domain>" NAME "<metadata>%s</metadata><devices>"
			 "<interface type='bridge'><mac address='52:54:00:00:00:01'/></interface>"
			 "</devices></domain>",
			 cases[i].metadata);
		assert_int_equal(parse_domain(xml, strlen(xml), &domain, &diag), 0);
		assert_int_equal(domain->interface_count, 1);
		assert_int_equal(domain->metadata != NULL, cases[i].holds);
		assert_int_equal(check_metadata(domain, &diag), -EINVAL);
		assert_string_equal(diag_message(&diag), cases[i].message);
	}
}

static void an_identity_is_read_where_the_rest_cannot_be(void **state)
{
	static const char xml[] =
		"<domain type='lxc'>" NAME "<devices><interface/></devices></domain>";
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};

	(void)state;
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL), -EINVAL);
	assert_int_equal(parse_identity(xml, strlen(xml), &domain, &diag), 0);
	assert_string_equal(domain->name, "web");
	assert_string_equal(domain->driver, "lxc");
	assert_int_equal(domain->interface_count, 0);
	assert_int_equal(check_metadata(domain, &diag), 0);
	free_domain(&domain);
	assert_int_equal(parse_identity("<a/>", 4, &domain, &diag), -EINVAL);
	assert_int_equal(new_domain("web", "1", "qemu", &domain), -EINVAL);
	assert_null(domain);
}

/* As long as a file's name may be. */
static void a_name_has_a_length(void **state)
{
	char xml[1024], name[257] = {0};

	(void)state;
	for (size_t size = 255; size <= 256; size++) {
		_cleanup_(free_domain) struct domain *domain = NULL;

		memset(name, 'n', size);
		snprintf(xml, sizeof(xml),
			 "<domain><name>%s</name>"
			 "<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid></domain>",
			 name);
		assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL),
				 size == 255 ? 0 : -EINVAL);
	}
}

/* One domain has one key, however its UUID is written. */
static void a_uuid_is_kept_in_lower_case(void **state)
{
	static const char xml[] = "<domain><name>web</name>"
				  "<uuid>4DEA22B3-1d52-d8f3-2516-782E98AB3FA0</uuid></domain>";
	_cleanup_(free_domain) struct domain *domain = NULL;

	(void)state;
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL), 0);
	assert_string_equal(domain->uuid, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_a_length),
		cmocka_unit_test(a_uuid_is_kept_in_lower_case),
		cmocka_unit_test(bandwidth_that_polices_is_noticed),
		cmocka_unit_test(interfaces_are_read_in_order),
		cmocka_unit_test(container_end_is_read),
		cmocka_unit_test(metadata_becomes_a_document_of_its_own),
		cmocka_unit_test(inherited_namespaces_go_with_the_metadata),
		cmocka_unit_test(a_domain_without_metadata_is_unmanaged),
		cmocka_unit_test(bad_domains_are_refused_with_their_line),
		cmocka_unit_test(metadata_that_cannot_be_followed_is_noted),
		cmocka_unit_test(an_identity_is_read_where_the_rest_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
