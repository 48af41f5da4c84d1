/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg-hostd: the command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostd/base/log.h"
#include "hostd/config/load_config.h"
#include "hostd/config/settings_list.h"
#include "hostd/daemon/daemon.h"
#include "hostd/daemon/settings.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"

static void print_help(void)
{
	printf("Usage: vmseg-hostd [OPTION]...\n"
	       "Filters the network interfaces of this host's libvirt domains.\n\n"
	       "  --config FILE   settings file (default: %s, if it exists)\n"
	       "  --check-config  check the settings, and exit\n"
	       "  --print-config  print a settings file with all defaults, and exit\n"
	       "  --version       print the version, and exit\n"
	       "  --help          print this summary, and exit\n",
	       CONFIG_FILE);
}

enum { OPTION_CONFIG = 'c', OPTION_HELP = 'h', OPTION_CHECK = 256, OPTION_PRINT, OPTION_VERSION };

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, OPTION_CONFIG},
		{"check-config", no_argument, NULL, OPTION_CHECK},
		{"print-config", no_argument, NULL, OPTION_PRINT},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, OPTION_HELP},
		{0},
	};
	struct daemon daemon = {.lock = -1, .heartbeat = -1};
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			daemon.config_path = optarg;
			break;
		case OPTION_CHECK:
			check = true;
			break;
		case OPTION_PRINT:
			print_default_settings(stdout);
			return 0;
		case OPTION_VERSION:
			printf("vmseg-hostd %s\n", VMSEG_VERSION);
			return 0;
		case OPTION_HELP:
			print_help();
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		log_error(NULL, "unexpected argument \"%s\" (see --help)", argv[optind]);
		return 2;
	}
	if (read_settings(&daemon) < 0)
		return 1;
	if (check) {
		free_config(&daemon.config);
		return 0;
	}
	set_log_level(daemon.config->log_level);
	set_schema_path(getenv("VMSEG_SCHEMA"));
	return run_daemon(&daemon) < 0 ? 1 : 0;
}
