/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests that the daemon answers, one function each, by topic; methods.c has the table.
 */
#ifndef VMSEG_CONTROL_METHODS_H
#define VMSEG_CONTROL_METHODS_H

#include "hostd/control/server.h"
#include "hostd/enforce/handlers/reload.h"
#include "hostd/virt/deliver.h"

struct policy_editor;

/* All that the requests work on. */
struct control_context {
	struct enforcer *enforcer;
	struct policy_editor *editor;
	struct virt_links *libvirt;
	uint64_t started; /* monotonic_usec() */
	/* Reads settings and policies again; vmseg-hostd.c owns the settings. */
	int (*reload)(void *owner, struct reload_result *ret, struct diag *diag);
	void *owner;
};

extern const struct method control_methods[];
extern const size_t control_method_count;

/* hook_requests.c: {"operation", "xml"} */
int answer_hook(struct control_context *context, const json_t *params, json_t **ret_result,
		struct diag *diag);

/* status_requests.c */
int answer_status(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag);

/* domain_requests.c: {}, {"domain"}, {} */
int answer_list(struct control_context *context, const json_t *params, json_t **ret_result,
		struct diag *diag);
int answer_show(struct control_context *context, const json_t *params, json_t **ret_result,
		struct diag *diag);

/* session_requests.c: {"domain"} and, for the pages after the first, "from": the "next" of the one
 * before */
int answer_sessions(struct control_context *context, const json_t *params, json_t **ret_result,
		    struct diag *diag);

/* explain_requests.c: {"domain", "direction", "protocol", "remote"} and, where it is needed or
 * wished, "nic", "type", "remote_port", "local", "local_port"; "xml" and "source" of a candidate */
int answer_explain(struct control_context *context, const json_t *params, json_t **ret_result,
		   struct diag *diag);

/* policy_requests.c: {}, {"name"} */
int answer_policy_list(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag);
int answer_policy_show(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag);

/* policy_diff.c: {"xml", "source", "limit"} */
int begin_policy_diff(struct control_context *context, const json_t *params, struct task **ret_task,
		      struct diag *diag);

/* policy_edits.c: {"xml", "source"} and, to be rolled back, "confirm" (seconds); {"name"}; and what
 * is pending: {} or {"name"} */
int answer_policy_apply(struct control_context *context, const json_t *params, json_t **ret_result,
			struct diag *diag);
int answer_policy_delete(struct control_context *context, const json_t *params, json_t **ret_result,
			 struct diag *diag);
int answer_policy_confirm(struct control_context *context, const json_t *params,
			  json_t **ret_result, struct diag *diag);
int answer_policy_rollback(struct control_context *context, const json_t *params,
			   json_t **ret_result, struct diag *diag);

/* group_requests.c: {}, {"name"} */
int answer_group_list(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag);
int answer_group_show(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag);

/* admin_requests.c: {}, {"domain"}, {}, {"domain"} */
int answer_reload(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag);
int answer_detach(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag);
int answer_detach_all(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag);
int answer_attach(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag);

/* port_requests.c: {"device", "mac", "policies", "addresses", "groups", "replace", "force"},
 * {"device"}, {"device"} */
int answer_port_attach(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag);
int answer_port_detach(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag);
int answer_port_release(struct control_context *context, const json_t *params, json_t **ret_result,
			struct diag *diag);

/* monitor_requests.c */
int answer_monitor(struct control_context *context, const json_t *params, json_t **ret_result,
		   struct diag *diag);

/* A string parameter that must be there; NULL with an error in diag. */
const char *need_string(const json_t *params, const char *name, struct diag *diag);

/* The optional parameter "vlan", a string like "100" or "100.200"; not given: 0, no VLAN.
 * -EINVAL with an error in diag. */
int read_vlans(const json_t *params, uint32_t *ret, struct diag *diag);

#endif
