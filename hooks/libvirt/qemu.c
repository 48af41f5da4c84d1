/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg-hook: the libvirt hook, for the qemu and the lxc driver alike.
 *
 *   vmseg-hook DOMAIN OPERATION SUBOPERATION EXTRA < domain.xml
 *
 * It hands the domain's XML to vmseg-hostd and tells libvirt whether the guest may start: exit
 * status 0, or 1 with one line on stderr, which libvirt puts into its error. It never calls
 * libvirt, which waits for it with the domain locked, and never writes to stdout, which libvirt
 * takes for the XML to use instead (operation `migrate`).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "hooks/libvirt/decision.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"
#include "hostd/config/config.h"
#include "hostd/config/load_config.h"
#include "hostd/control/client.h"
#include "hostd/control/protocol.h"

/* Reads stdin up to its end. libvirt never sends more than a request may hold. */
static char *read_xml(size_t *ret_size)
{
	_cleanup_free_ char *xml = malloc(CONTROL_REQUEST_MAX);
	size_t size;

	if (!xml)
		return NULL;
	size = fread(xml, 1, CONTROL_REQUEST_MAX, stdin);
	if (size == CONTROL_REQUEST_MAX || ferror(stdin))
		return NULL;
	xml[size] = '\0';
	*ret_size = size;
	return TAKE_PTR(xml);
}

/* Bad settings must not decide over guests: the hook then works with the defaults, which fail
 * closed; the daemon is the one to complain. */
static int read_settings(struct config **ret)
{
	const char *path = getenv("VMSEG_CONFIG");

	if (load_config(path ? path : CONFIG_FILE, ret, NULL) == 0)
		return 0;
	return load_config(NULL, ret, NULL);
}

static enum daemon_answer ask_daemon(const struct config *config, const char *operation,
				     bool managed, const char *xml, size_t size, struct diag *diag)
{
	const struct patience patience = {
		.timeout = config->hook_timeout,
		.silence = silence_limit(operation, managed,
					 (enum require_daemon)config->require_daemon),
	};
	_cleanup_free_ char *path = run_path(config, "control.sock");
	json_t *result = NULL, *params;
	int r;

	params = json_pack("{s:s, s:s%}", "operation", operation, "xml", xml, size);
	if (!path || !params) {
		json_decref(params);
		fail(diag, EINVAL, NULL, 0, "the domain's XML cannot be sent to vmseg-hostd");
		return ANSWER_NONE;
	}
	r = call_control(path, "hook", params, &patience, &result, diag);
	json_decref(params);
	json_decref(result);
	if (r == -EREMOTEIO)
		return ANSWER_NO;
	return r < 0 ? ANSWER_NONE : ANSWER_YES;
}

static void explain_refusal(const char *domain, enum daemon_answer answer, struct diag *diag)
{
	_cleanup_free_ char *why = escape_text(diag_message(diag));
	_cleanup_free_ char *name = escape_text(domain);

	fprintf(stderr, "vmseg refuses domain %s%s: %s\n", name ? name : "",
		answer == ANSWER_NO ? "" : ", which would start unfiltered",
		why ? why : "out of memory");
}

int main(int argc, char **argv)
{
	_cleanup_(free_config) struct config *config = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_free_ char *xml = NULL;
	enum daemon_answer answer = ANSWER_NONE;
	bool managed = true;
	size_t size = 0;

	if (argc < 3) {
		fprintf(stderr, "Usage: %s DOMAIN OPERATION SUBOPERATION EXTRA < domain.xml\n",
			argv[0]);
		return 2;
	}
	if (!is_reported(argv[2]))
		return 0;
	if (read_settings(&config) < 0)
		return may_refuse(argv[2]);
	xml = read_xml(&size);
	if (xml) {
		managed = mentions_vmseg(xml, size);
		answer = ask_daemon(config, argv[2], managed, xml, size, &diag);
	} else {
		fail(&diag, EINVAL, NULL, 0, "the domain's XML cannot be read from stdin");
	}
	if (!must_refuse(argv[2], answer, managed, (enum require_daemon)config->require_daemon))
		return 0;
	explain_refusal(argv[1], answer, &diag);
	return 1;
}
