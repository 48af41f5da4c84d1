/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a port's configuration to the record that the programs read.
 */
#include <arpa/inet.h>

#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/objects/record.h"
#include "tests/harness/test.h"

static void set_address(struct port_config *config, const char *text)
{
	assert_int_equal(parse_prefix(text, &config->addresses[config->address_count++]),
			 PREFIX_OK);
}

static void prefixes_become_address_and_mask(void **state)
{
	struct port_config config = {.limits[LIMIT_SESSIONS] = 1};
	struct port port;

	set_address(&config, "10.1.2.3");
	set_address(&config, "10.8.0.0/13");
	set_address(&config, "2001:db8::/33");
	set_address(&config, "::/0");
	fill_record(&config, &port);
	assert_int_equal(port.address_count, 4);

	assert_int_equal(port.addresses[0].address[2], htonl(0xffff));
	assert_int_equal(port.addresses[0].address[3], htonl(0x0a010203));
	for (int i = 0; i < 4; i++)
		assert_int_equal(port.addresses[0].mask[i], 0xffffffff);

	assert_int_equal(port.addresses[1].mask[2], 0xffffffff);
	assert_int_equal(port.addresses[1].mask[3], htonl(0xfff80000));
	assert_int_equal(port.addresses[2].mask[0], 0xffffffff);
	assert_int_equal(port.addresses[2].mask[1], htonl(0x80000000));
	assert_int_equal(port.addresses[2].mask[2], 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(port.addresses[3].mask[i], 0);
}

/* (packet & mask) == address must be able to hold. */
static void bits_beyond_the_prefix_are_zero(void **state)
{
	struct port_config config = {.limits[LIMIT_SESSIONS] = 1, .address_count = 1};
	struct port port;

	memset(config.addresses[0].address, 0xff, ADDRESS_BYTES);
	for (uint8_t bits = 0; bits <= 128; bits++) {
		uint8_t mask[ADDRESS_BYTES] = {0};

		for (int i = 0; i < bits; i++)
			mask[i / 8] |= 0x80 >> i % 8;
		config.addresses[0].bits = bits;
		fill_record(&config, &port);
		assert_memory_equal(port.addresses[0].mask, mask, ADDRESS_BYTES);
		assert_memory_equal(port.addresses[0].address, mask, ADDRESS_BYTES);
	}
}

static void the_rest_is_taken_as_it_is(void **state)
{
	struct port_config config = {
		.mac = {0x52, 0x54, 0, 1, 2, 3},
		.guards = GUARD_MAC | GUARD_VLAN,
		.flags = PORT_AUDIT | PORT_OWNS_QDISC,
		.vlans = {0, 4094},
		.vlan_count = 2,
	};
	struct port port;

	for (uint32_t i = 0; i < LIMIT_COUNT; i++)
		config.limits[i] = 1 + i;
	fill_record(&config, &port);
	assert_memory_equal(port.mac, config.mac, MAC_BYTES);
	assert_int_equal(port.guards, GUARD_MAC | GUARD_VLAN);
	assert_int_equal(port.flags, PORT_AUDIT); /* the others are not the caller's to set */
	assert_int_equal(port.vlan_count, 2);
	assert_int_equal(port.vlans[1], 4094);
	for (uint32_t i = 0; i < LIMIT_COUNT; i++)
		assert_int_equal(port.limits[i], 1 + i);
}

static void a_quarter_of_the_sessions_may_be_unconfirmed(void **state)
{
	struct port_config config = {.limits[LIMIT_SESSIONS] = 20000};
	struct port port;

	(void)state;
	fill_record(&config, &port);
	assert_int_equal(port.unconfirmed, 5000);
	/* Of the fewest that there can be, one for each direction. */
	config.limits[LIMIT_SESSIONS] = 1;
	fill_record(&config, &port);
	assert_int_equal(port.unconfirmed, 2);
}

static void no_sessions_is_quarantine(void **state)
{
	const struct port_config config = {0};
	struct port port;

	fill_record(&config, &port);
	assert_int_equal(port.flags, PORT_QUARANTINE);
}

static void expect_refusal(const struct port_config *config, const char *text)
{
	struct diag diag = {0};

	assert_int_equal(check_port_config(config, &diag), -EINVAL);
	assert_string_equal(diag.error.text, text);
	clear_diag(&diag);
}

static void numbers_out_of_range_are_refused(void **state)
{
	struct port_config config = {.limits[LIMIT_SESSIONS] = 1, .vlan_count = 1, .vlans = {4094}};

	assert_int_equal(check_port_config(&config, NULL), 0);
	config.vlans[0] = 4095;
	expect_refusal(&config, "VLAN 4095, expected 0 to 4094");
	config.vlan_count = PORT_VLANS_MAX + 1;
	expect_refusal(&config, "17 VLANs, a port can have at most 16");
	config.vlan_count = 0;
	config.address_count = PORT_ADDRESSES_MAX + 1;
	expect_refusal(&config, "17 addresses, a port can have at most 16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_become_address_and_mask),
		cmocka_unit_test(bits_beyond_the_prefix_are_zero),
		cmocka_unit_test(the_rest_is_taken_as_it_is),
		cmocka_unit_test(a_quarter_of_the_sessions_may_be_unconfirmed),
		cmocka_unit_test(no_sessions_is_quarantine),
		cmocka_unit_test(numbers_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
