/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg attach DOMAIN, vmseg detach {DOMAIN | --all}
 */
#include <errno.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/run_directory.h"
#include "hostd/config/config.h"
#include "hostd/config/load_config.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/output.h"
#include "hostd/ctl/request.h"
#include "hostd/datapath/remove_datapath.h"

/* A daemon that runs detaches its own; else everything vmseg has on the host is removed here, with
 * the daemon's lock held so that none starts meanwhile. */
static int detach_all(const struct invocation *invocation)
{
	_cleanup_(free_config) struct config *config = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_close_ int lock = -1;
	json_t *reply;
	int r;

	if (load_config(settings_file(invocation), &config, &diag) < 0)
		return print_error(&diag);
	r = claim_run_directory(config->run_directory, &lock, &diag);
	if (r == -EBUSY) {
		reply = ask_daemon(invocation, "detach-all", NULL);
		json_decref(reply);
		return reply ? STATUS_OK : STATUS_FAILED;
	}
	if (r == 0)
		r = remove_datapath(config->bpffs, &diag);
	return r < 0 ? print_error(&diag) : STATUS_OK;
}

static int run_detach(const struct invocation *invocation)
{
	bool all = is_given(invocation, "all");

	if (all == (invocation->argument_count == 1))
		return complain(invocation->command, "expected either DOMAIN or --all");
	return all ? detach_all(invocation) : show_reply(invocation);
}

static const struct command_argument attach_arguments[] = {
	{"DOMAIN", .param = "domain", .values = VALUES_DOMAINS},
	{0},
};

static const struct command_argument detach_arguments[] = {
	{"DOMAIN", .param = "domain", .values = VALUES_DOMAINS, .optional = true},
	{0},
};

static const struct command_option detach_options[] = {
	{"all", .help = "all domains; works without a daemon, too"},
	{0},
};

const struct command attach_command = {
	.name = "attach",
	.help = "filter a domain again after detach",
	.arguments = attach_arguments,
	.method = "attach",
};

const struct command detach_command = {
	.name = "detach",
	.help = "stop filtering a domain, or all (--all)",
	.arguments = detach_arguments,
	.options = detach_options,
	.method = "detach",
	.run = run_detach,
};
