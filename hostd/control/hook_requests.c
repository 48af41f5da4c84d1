/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the libvirt hook reports. libvirtd waits for the answer with the domain's lock held: nothing
 * here may wait for libvirt.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/control/methods.h"
#include "hostd/domain/domain.h"
#include "hostd/enforce/handlers/lifecycle.h"
#include "hostd/enforce/handlers/reconcile.h"

static int stop_by_hook(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	return end_domain(enforcer, xml, false, diag);
}

static int release_by_hook(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	return end_domain(enforcer, xml, true, diag);
}

static int take_back_domain(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	reconcile_domain(enforcer, &(struct domain_event){.xml = xml, .seen = monotonic_usec()});
	return 0;
}

/* It was attached before its CPUs ran; libvirt's own events follow. */
static int confirm_domain(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	return 0;
}

static const struct {
	const char *operation;
	int (*act)(struct enforcer *enforcer, const char *xml, struct diag *diag);
} operations[] = {
	{"prepare", prepare_domain},          {"start", start_domain},
	{"started", confirm_domain},          {"stopped", stop_by_hook},
	{"release", release_by_hook},         {"migrate", prepare_incoming_domain},
	{"restore", prepare_incoming_domain}, {"reconnect", take_back_domain},
};

int answer_hook(struct control_context *context, const json_t *params, json_t **ret_result,
		struct diag *diag)
{
	const char *operation = need_string(params, "operation", diag);
	const char *xml = need_string(params, "xml", diag);

	if (!operation || !xml)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		int r;

		if (strcmp(operations[i].operation, operation) != 0)
			continue;
		r = operations[i].act(context->enforcer, xml, diag);
		if (r < 0)
			log_error(NULL, "hook %s: %s", operation, diag_message(diag));
		else
			*ret_result = json_object();
		return r;
	}
	/* An operation that a later libvirt has and vmseg need not know. */
	*ret_result = json_object();
	return 0;
}
