/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg attach DOMAIN, vmseg detach {DOMAIN | --all}
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/run_directory.h"
#include "hostd/config/config.h"
#include "hostd/ctl/ctl.h"
#include "hostd/datapath/remove_datapath.h"

static int ask_about(const struct invocation *invocation, const char *method)
{
	return show_reply(invocation, method,
			  json_pack("{s:s}", "domain", invocation->arguments[0]), true, NULL);
}

int run_attach(const struct invocation *invocation)
{
	return ask_about(invocation, "attach");
}

/* A daemon that runs detaches its own; else everything vmseg has on the host is removed here, with
 * the daemon's lock held so that none starts meanwhile. */
static int detach_all(const struct invocation *invocation)
{
	_cleanup_(free_config) struct config *config = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	const char *path = invocation->config_path;
	_cleanup_close_ int lock = -1;
	json_t *reply;
	int r;

	if (!path && access(CONFIG_FILE, F_OK) == 0)
		path = CONFIG_FILE;
	if (load_config(path, &config, &diag) < 0)
		return print_error(&diag);
	r = claim_run_directory(config->run_directory, &lock, &diag);
	if (r == -EBUSY) {
		reply = ask_daemon(invocation, "detach-all", NULL, true);
		json_decref(reply);
		return reply ? STATUS_OK : STATUS_FAILED;
	}
	if (r == 0)
		r = remove_datapath(config->bpffs, &diag);
	return r < 0 ? print_error(&diag) : STATUS_OK;
}

int run_detach(const struct invocation *invocation)
{
	if (invocation->all == (invocation->argument_count == 1)) {
		fputs("vmseg: detach: expected a domain, or --all\n", stderr);
		return STATUS_USAGE;
	}
	return invocation->all ? detach_all(invocation) : ask_about(invocation, "detach");
}
