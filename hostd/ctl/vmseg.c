/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg: the command. A table of subcommands, each in a file of its own; text for people, --json
 * for programs. Exit status: 0 done, 1 failed or refused, 2 wrong usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"
#include "hostd/policy/read/parse.h"

static const struct command commands[] = {
	{"status", "", "how the daemon, libvirt and the datapath are", 0, 0, 0, run_status},
	{"list", "", "running domains and how each is filtered", 0, 0, 0, run_list},
	{"show", "DOMAIN", "a domain's NICs: policy, guards, limits, counters", TAKES_RULES, 1, 1,
	 run_show},
	{"sessions", "DOMAIN", "a domain's live sessions", TAKES_LIMIT | TAKES_VLAN, 1, 1,
	 run_sessions},
	{"explain", "DOMAIN in|out PROTOCOL REMOTE[:PORT] [LOCAL[:PORT]]",
	 "what would become of a packet, and why", TAKES_NIC | TAKES_POLICY | TAKES_VLAN, 4, 5,
	 run_explain},
	{"policy list", "", "policies of the policy directory and who uses them", 0, 0, 0,
	 run_policy_list},
	{"policy show", "NAME", "a policy or address set in canonical form", 0, 1, 1,
	 run_policy_show},
	{"policy check", "FILE...", "say whether policy files are good; needs no daemon", 0, 1, -1,
	 run_policy_check},
	{"policy diff", "FILE|-", "what would change, and which sessions would be cut", TAKES_LIMIT,
	 1, 1, run_policy_diff},
	{"policy apply", "FILE|-", "create or replace a policy or set, and use it", TAKES_CONFIRM,
	 1, 1, run_policy_apply},
	{"policy confirm", "[NAME]", "keep what was applied with --confirm", 0, 0, 1,
	 run_policy_confirm},
	{"policy rollback", "[NAME]", "undo what was applied with --confirm, now", 0, 0, 1,
	 run_policy_rollback},
	{"policy delete", "NAME", "take away a policy or set that nobody uses", 0, 1, 1,
	 run_policy_delete},
	{"group list", "", "groups, who is in them, and whose rules name them", 0, 0, 0,
	 run_group_list},
	{"group show", "NAME", "a group's domains with their addresses", 0, 1, 1, run_group_show},
	{"monitor", "", "print events as they happen, until interrupted", 0, 0, 0, run_monitor},
	{"reload", "", "read settings and policies again", 0, 0, 0, run_reload},
	{"attach", "DOMAIN", "filter a domain again after detach", 0, 1, 1, run_attach},
	{"detach", "DOMAIN | --all", "stop filtering; --all works without a daemon too", TAKES_ALL,
	 0, 1, run_detach},
	{"port attach",
	 "DEVICE --policy P... --mac M [--address A]... [--group G]... [--replace] [--force]",
	 "filter a device that libvirt does not manage", TAKES_PORT | TAKES_POLICY, 1, 1,
	 run_port_attach},
	{"port detach", "DEVICE", "take that back", 0, 1, 1, run_port_detach},
	{"port release", "DEVICE", "open a device that stays closed because it may be a domain's",
	 0, 1, 1, run_port_release},
};

static void print_commands(FILE *stream)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char usage[128];

		snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].arguments);
		/* A usage that is too long has its help on a line of its own. */
		fprintf(stream, "  %-24s%s %s\n", usage,
			strlen(usage) > 24 ? "\n                          " : "", commands[i].help);
	}
}

static int print_help(void)
{
	puts("Usage: vmseg [OPTION]... COMMAND [ARGUMENT]...\n"
	     "Shows and steers the filtering of this host's libvirt domains.\n");
	print_commands(stdout);
	puts("\n"
	     "  --json          print JSON instead of text\n"
	     "  --rules         with show: the rules and how often each was hit\n"
	     "  --limit N       with sessions and policy diff: at most so many (default 1000)\n"
	     "  --confirm SECS  with policy apply: undo it in so many unless confirmed\n"
	     "  --nic NIC       with explain: the NIC, by MAC or host device, of a domain with "
	     "several\n"
	     "  --policy FILE   with explain: as if this policy or set were in force\n"
	     "  --vlan ID[.ID]  with explain: the packet's VLAN; with sessions: only those in it\n"
	     "  --policy NAME   with port attach: a policy; several hold in their order\n"
	     "  --mac MAC       with port attach: the MAC address behind the device\n"
	     "  --address ADDR  with port attach: an address or prefix that may be used there\n"
	     "  --group NAME    with port attach: a group that it is in\n"
	     "  --replace       with port attach: say anew what holds for a device\n"
	     "  --force         with port attach: even if the device is no guest's end\n"
	     "  --socket PATH   the daemon's socket (or VMSEG_SOCKET; default: from the settings)\n"
	     "  --config FILE   the settings (default: " VMSEG_SYSCONFDIR "/vmseg/hostd.conf)\n"
	     "  --version       print the version\n"
	     "  --help          print this\n"
	     "\n"
	     "Exit status: 0 done, 1 failed or refused, 2 wrong usage.");
	return STATUS_OK;
}

/* The first two words are shown: together they may have been meant as a command. */
static int complain(const char *problem, char **words, int count)
{
	fprintf(stderr, "vmseg: %s%s%s%s\nCommands:\n", problem, count > 0 ? words[0] : "",
		count > 1 ? " " : "", count > 1 ? words[1] : "");
	print_commands(stderr);
	return STATUS_USAGE;
}

/* The command that the words begin with; *ret_words is how many words its name has. */
static const struct command *find_command(char **words, int count, int *ret_words)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *second = strchr(commands[i].name, ' ');
		size_t length =
			second ? (size_t)(second - commands[i].name) : strlen(commands[i].name);

		if (strlen(words[0]) != length || strncmp(words[0], commands[i].name, length) != 0)
			continue;
		if (second && (count < 2 || strcmp(words[1], second + 1) != 0))
			continue;
		*ret_words = second ? 2 : 1;
		return &commands[i];
	}
	return NULL;
}

enum {
	OPTION_JSON = 256,
	OPTION_RULES,
	OPTION_LIMIT,
	OPTION_ALL,
	OPTION_NIC,
	OPTION_POLICY,
	OPTION_VLAN,
	OPTION_MAC,
	OPTION_ADDRESS,
	OPTION_GROUP,
	OPTION_REPLACE,
	OPTION_FORCE,
	OPTION_CONFIRM,
	OPTION_SOCKET,
	OPTION_CONFIG,
	OPTION_VERSION,
	OPTION_HELP = 'h'
};

static int read_number(const char *option, const char *text, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(text, &end, 10);
	if (errno || *end || *ret < 1) {
		fprintf(stderr, "vmseg: %s: expected a positive number, not \"%s\"\n", option,
			text);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

/* Options of "port attach": one value, or one more in a list. */
static int take_port_option(struct invocation *invocation, unsigned option, const char *name,
			    bool is_list, json_t *value)
{
	json_t *list;

	invocation->given |= option;
	if (!invocation->port)
		invocation->port = json_object();
	if (!value) {
		fprintf(stderr, "vmseg: an option's value is not UTF-8\n");
		return STATUS_USAGE;
	}
	if (!is_list) {
		json_object_set_new(invocation->port, name, value);
		return STATUS_OK;
	}
	list = json_object_get(invocation->port, name);
	if (!list) {
		list = json_array();
		json_object_set_new(invocation->port, name, list);
	}
	json_array_append_new(list, value);
	return STATUS_OK;
}

/* Returns STATUS_OK, or the status to end with right away, minus one for success. */
static int take_option(int option, struct invocation *invocation)
{
	switch (option) {
	case OPTION_JSON:
		invocation->json = true;
		return STATUS_OK;
	case OPTION_RULES:
		invocation->rules = true;
		invocation->given |= TAKES_RULES;
		return STATUS_OK;
	case OPTION_LIMIT:
		invocation->given |= TAKES_LIMIT;
		return read_number("--limit", optarg, &invocation->limit);
	case OPTION_CONFIRM:
		invocation->given |= TAKES_CONFIRM;
		return read_number("--confirm", optarg, &invocation->confirm);
	case OPTION_ALL:
		invocation->all = true;
		invocation->given |= TAKES_ALL;
		return STATUS_OK;
	case OPTION_NIC:
		invocation->nic = optarg;
		invocation->given |= TAKES_NIC;
		return STATUS_OK;
	case OPTION_POLICY:
		invocation->policy = optarg;
		return take_port_option(invocation, TAKES_POLICY, "policies", true,
					json_string(optarg));
	case OPTION_VLAN:
		invocation->vlan = optarg;
		invocation->given |= TAKES_VLAN;
		return STATUS_OK;
	case OPTION_MAC:
		return take_port_option(invocation, TAKES_PORT, "mac", false, json_string(optarg));
	case OPTION_ADDRESS:
		return take_port_option(invocation, TAKES_PORT, "addresses", true,
					json_string(optarg));
	case OPTION_GROUP:
		return take_port_option(invocation, TAKES_PORT, "groups", true,
					json_string(optarg));
	case OPTION_REPLACE:
		return take_port_option(invocation, TAKES_PORT, "replace", false, json_true());
	case OPTION_FORCE:
		return take_port_option(invocation, TAKES_PORT, "force", false, json_true());
	case OPTION_SOCKET:
		invocation->socket = optarg;
		return STATUS_OK;
	case OPTION_CONFIG:
		invocation->config_path = optarg;
		return STATUS_OK;
	default:
		return STATUS_USAGE;
	}
}

static void print_usage(const struct command *command)
{
	static const struct {
		unsigned option;
		const char *text;
	} options[] = {
		{TAKES_RULES, " [--rules]"},
		{TAKES_NIC, " [--nic NIC] [--policy FILE]"},
		{TAKES_LIMIT, " [--limit N]"},
		{TAKES_VLAN, " [--vlan ID[.ID]]"},
		{TAKES_CONFIRM, " [--confirm SECONDS]"},
	};

	fprintf(stderr, "Usage: vmseg %s", command->name);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (command->options & options[i].option)
			fputs(options[i].text, stderr);
	}
	fprintf(stderr, " %s\n", command->arguments);
}

static int run_command(struct invocation *invocation, char **words, int count)
{
	const struct command *command;
	int used = 0;

	if (count == 0 || strcmp(words[0], "help") == 0)
		return count == 0 ? complain("expected a command", words, 0) : print_help();
	command = find_command(words, count, &used);
	if (!command)
		return complain("unknown command: ", words, count);
	invocation->arguments = words + used;
	invocation->argument_count = count - used;
	if (invocation->argument_count < command->minimum ||
	    (command->maximum >= 0 && invocation->argument_count > command->maximum) ||
	    (invocation->given & ~command->options)) {
		print_usage(command);
		return STATUS_USAGE;
	}
	return command->run(invocation);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, OPTION_JSON},
		{"rules", no_argument, NULL, OPTION_RULES},
		{"limit", required_argument, NULL, OPTION_LIMIT},
		{"all", no_argument, NULL, OPTION_ALL},
		{"nic", required_argument, NULL, OPTION_NIC},
		{"policy", required_argument, NULL, OPTION_POLICY},
		{"vlan", required_argument, NULL, OPTION_VLAN},
		{"mac", required_argument, NULL, OPTION_MAC},
		{"address", required_argument, NULL, OPTION_ADDRESS},
		{"group", required_argument, NULL, OPTION_GROUP},
		{"replace", no_argument, NULL, OPTION_REPLACE},
		{"force", no_argument, NULL, OPTION_FORCE},
		{"confirm", required_argument, NULL, OPTION_CONFIRM},
		{"socket", required_argument, NULL, OPTION_SOCKET},
		{"config", required_argument, NULL, OPTION_CONFIG},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, OPTION_HELP},
		{0},
	};
	struct invocation invocation = {.socket = getenv("VMSEG_SOCKET")};
	int option, status;

	set_schema_path(getenv("VMSEG_SCHEMA"));
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return print_help();
		if (option == OPTION_VERSION) {
			puts("vmseg " VMSEG_VERSION);
			return STATUS_OK;
		}
		status = take_option(option, &invocation);
		if (status != STATUS_OK)
			return status;
	}
	status = run_command(&invocation, argv + optind, argc - optind);
	json_decref(invocation.port);
	return status;
}
