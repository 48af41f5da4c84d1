/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests that the daemon answers, one function each, by topic; methods.def has the list.
 */
#ifndef VMSEG_CONTROL_METHODS_H
#define VMSEG_CONTROL_METHODS_H

#include "hostd/control/method.h"
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

/* Each method's function is in one of the files *_requests.c. */
#define AT_ONCE(function)                                                                          \
	int function(struct control_context *context, const json_t *params, json_t **ret_result,   \
		     struct diag *diag);
#define STREAM(function) AT_ONCE(function)
#define IN_PIECES(function)                                                                        \
	int function(struct control_context *context, const json_t *params,                        \
		     struct task **ret_task, struct diag *diag);
#define METHOD(name, who, how, help, params, request, reply) how
#include "hostd/control/methods.def"
#undef METHOD
#undef IN_PIECES
#undef STREAM
#undef AT_ONCE

/* A method as documentation and tests see it. */
struct method_description {
	const char *name;
	bool read_only;
	bool streams;
	const char *help;
	const struct method_param *params;
	const char *request, *reply; /* JSON: examples */
};

extern const struct method_description method_descriptions[]; /* control_method_count */

/* A string parameter that must be there; NULL with an error in diag. */
const char *need_string(const json_t *params, const char *name, struct diag *diag);

/* The optional parameter "vlan", a string like "100" or "100.200"; not given: 0, no VLAN.
 * -EINVAL with an error in diag. */
int read_vlans(const json_t *params, uint32_t *ret, struct diag *diag);

#endif
