/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What compiling costs: time, size of the image and memory, by number of rules and services. Every
 * rule has a remote address of its own, which is the worst for the table.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/compile.h"
#include "hostd/policy/read/library.h"

enum family { IPV4, IPV6, MIXED };

static const char *const family_names[] = {[IPV4] = "IPv4", [IPV6] = "IPv6", [MIXED] = "mixed"};

struct load {
	uint32_t rules, services;
	enum family family;
};

/* Multiplying by an odd number spreads addresses over the space without repeating one. */
static struct prefix make_address(uint32_t i, bool ipv6)
{
	struct prefix prefix = {.bits = 128};
	uint32_t low = htonl(i * 2654435761U), high = htonl(0x20010db8);

	memset(prefix.address + 10, 0xff, 2);
	if (ipv6) {
		memcpy(prefix.address, &high, sizeof(high));
		memcpy(prefix.address + 8, &low, sizeof(low));
	}
	memcpy(prefix.address + 12, &low, sizeof(low));
	return prefix;
}

/* Mixed: both families by turns, addresses and the networks around them. */
static struct prefix make_remote(uint32_t i, enum family family)
{
	struct prefix prefix = make_address(i, family == IPV6 || (family == MIXED && i % 2));
	unsigned int host_bits = family == MIXED ? i / 2 % 3 * 4 : 0;

	prefix.bits -= (uint8_t)host_bits;
	prefix.address[ADDRESS_BYTES - 1] &= (uint8_t)(0xff << host_bits);
	return prefix;
}

static void make_policy(const struct load *load, struct policy *policy)
{
	init_policy(policy);
	policy->rule_count = load->rules;
	policy->rules = calloc(load->rules, sizeof(*policy->rules));
	for (uint32_t i = 0; i < load->rules; i++) {
		struct rule *rule = &policy->rules[i];
		uint16_t port = (uint16_t)(1000 + i % load->services * 3);

		rule->in = true;
		rule->action = ACTION_ALLOW;
		rule->remote_count = rule->service_count = 1;
		rule->remotes = calloc(1, sizeof(*rule->remotes));
		rule->remotes[0].cidr = make_remote(i, load->family);
		rule->services = calloc(1, sizeof(*rule->services));
		rule->services[0] = (struct service){.protocol = IPPROTO_TCP,
						     .port_first = port,
						     .port_last = port,
						     .source_last = UINT16_MAX,
						     .icmp_type = -1,
						     .icmp_code = -1};
	}
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_cost(const struct load *load, const struct image *image, double seconds)
{
	struct image_header header;
	struct rusage usage;

	memcpy(&header, &image->nodes[0], sizeof(header));
	getrusage(RUSAGE_SELF, &usage);
	printf("%7u %9u %7s %11.3f %9.1f %9u x %u %11ld\n", load->rules, load->services,
	       family_names[load->family], seconds, image->node_count * 64 / 1048576.0,
	       header.row_count, header.column_count, usage.ru_maxrss / 1024);
}

/* In a process of its own: the kernel's high-water mark of memory cannot be lowered again. */
static int measure(const struct load *load)
{
	static const uint8_t mac[MAC_BYTES];
	struct policy policy;
	struct policy_item item = {.policy = &policy};
	struct domain_policy domain;
	struct effective_policy *effective = NULL;
	struct library *library = NULL;
	struct image *image = NULL;
	struct diag diag = {0};
	double start;

	init_domain_policy(&domain);
	domain.policies = &item;
	domain.policy_count = 1;
	make_policy(load, &policy);
	if (load_library("/nonexistent", &library, &diag))
		return EXIT_FAILURE;
	start = seconds_now();
	if (resolve_policy(library, NULL, &domain, mac, NULL, &effective, &diag) ||
	    compile_image(effective, &image, &diag)) {
		fprintf(stderr, "%s\n", diag.error.text);
		return EXIT_FAILURE;
	}
	print_cost(load, image, seconds_now() - start);
	return EXIT_SUCCESS;
}

int main(void)
{
	static const struct load loads[] = {
		{100, 20, IPV4},     {1000, 100, IPV4},   {10000, 200, IPV4}, {10000, 200, IPV6},
		{10000, 200, MIXED}, {10000, 1000, IPV4}, {60000, 200, IPV4},
	};
	int status = 0;

	puts("  rules  services  family  seconds   image MiB  rows x columns  process MiB");
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		pid_t child;

		fflush(stdout);
		child = fork();
		if (child == 0)
			exit(measure(&loads[i]));
		if (child < 0 || waitpid(child, &status, 0) < 0 || status)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
