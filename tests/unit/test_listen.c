/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a local server may listen. */
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "hostd/base/listen.h"
#include "tests/harness/test.h"

static void addresses_of_this_host_are_taken(void **state)
{
	const struct sockaddr_in6 *v6;
	const struct sockaddr_in *v4;
	const struct sockaddr_un *path;
	struct listen_address address;

	(void)state;
	assert_int_equal(parse_listen_address("127.0.0.1:9876", &address), 0);
	v4 = (const struct sockaddr_in *)&address.address;
	assert_int_equal(address.size, sizeof(*v4));
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohs(v4->sin_port), 9876);
	assert_int_equal(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);

	assert_int_equal(parse_listen_address("[::1]:1", &address), 0);
	v6 = (const struct sockaddr_in6 *)&address.address;
	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(v6->sin6_port), 1);

	assert_int_equal(parse_listen_address("/run/vmseg/metrics.sock", &address), 0);
	path = (const struct sockaddr_un *)&address.address;
	assert_int_equal(path->sun_family, AF_UNIX);
	assert_string_equal(path->sun_path, "/run/vmseg/metrics.sock");
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		":9876",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:80x",
		"127.0.0.1:-1",
		"127.0.0.1: 80",
		"0.0.0.0:80",
		"192.0.2.1:80",
		"[::]:80",
		"[2001:db8::1]:80",
		"::1:80",
		"[::1:80",
		"localhost:80",
		"relative.sock",
	};
	struct listen_address address;
	char path[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse_listen_address(bad[i], &address) != -EINVAL)
			print_error("taken: \"%s\"\n", bad[i]);
		assert_int_equal(parse_listen_address(bad[i], &address), -EINVAL);
	}
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(parse_listen_address(path, &address), -EINVAL);
}

static void a_socket_of_a_dead_server_is_replaced_and_a_live_one_is_not(void **state)
{
	char directory[] = "/tmp/test_listen.XXXXXX", path[64];
	struct listen_address address;
	int first = -1, second = -1;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	assert_int_equal(parse_listen_address(path, &address), 0);
	assert_int_equal(listen_on(&address, &first), 0);
	assert_int_equal(listen_on(&address, &second), -EADDRINUSE);
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(listen_on(&address, &second), 0);
	close(second);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_this_host_are_taken),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(a_socket_of_a_dead_server_is_replaced_and_a_live_one_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
