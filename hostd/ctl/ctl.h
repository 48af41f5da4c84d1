/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vmseg command: what its subcommands share.
 */
#ifndef VMSEG_CTL_H
#define VMSEG_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/diag.h"

/* Exit statuses. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* Options that only some subcommands take; a bit each. */
#define TAKES_RULES   (1U << 0)
#define TAKES_LIMIT   (1U << 1)
#define TAKES_ALL     (1U << 2)
#define TAKES_NIC     (1U << 3)
#define TAKES_PORT    (1U << 4) /* --mac, --address, --group, --replace, --force */
#define TAKES_CONFIRM (1U << 5)
#define TAKES_POLICY  (1U << 6)
#define TAKES_VLAN    (1U << 7)

/* The command line, taken apart. */
struct invocation {
	const char *config_path; /* NULL: the default, where it exists */
	const char *socket;      /* NULL: the daemon's, from the settings */
	bool json;
	bool rules;
	bool all;
	long limit;         /* 0: not given */
	const char *nic;    /* NULL: not given */
	const char *policy; /* the last one; NULL: not given */
	const char *vlan;   /* NULL: not given */
	json_t *port;       /* members of a "port-attach" request; NULL: none given */
	long confirm;       /* seconds; 0: not given */
	unsigned given;     /* TAKES_* of the options that were given */
	char **arguments;   /* after the subcommand's name */
	int argument_count;
};

struct command {
	const char *name;      /* one word, or two: "policy check" */
	const char *arguments; /* as in the usage line */
	const char *help;
	unsigned options;     /* TAKES_* */
	int minimum, maximum; /* number of arguments */
	int (*run)(const struct invocation *invocation);
};

/* One per file. */
int run_status(const struct invocation *invocation);
int run_list(const struct invocation *invocation);
int run_show(const struct invocation *invocation);
int run_sessions(const struct invocation *invocation);
int run_explain(const struct invocation *invocation);
int run_policy_check(const struct invocation *invocation);
int run_policy_show(const struct invocation *invocation);
int run_policy_diff(const struct invocation *invocation);
int run_policy_apply(const struct invocation *invocation);
int run_policy_delete(const struct invocation *invocation);
int run_policy_confirm(const struct invocation *invocation);
int run_policy_rollback(const struct invocation *invocation);
int run_group_list(const struct invocation *invocation);
int run_group_show(const struct invocation *invocation);
int run_policy_list(const struct invocation *invocation);
int run_reload(const struct invocation *invocation);
int run_attach(const struct invocation *invocation);
int run_detach(const struct invocation *invocation);
int run_port_attach(const struct invocation *invocation);
int run_port_detach(const struct invocation *invocation);
int run_port_release(const struct invocation *invocation);
int run_monitor(const struct invocation *invocation);

/* Asks the daemon; `params` is taken over. On failure the error is on stderr and NULL is returned.
 * `changes`: the method needs the control socket. */
json_t *ask_daemon(const struct invocation *invocation, const char *method, json_t *params,
		   bool changes);

/* {"xml", "source"} with the text of a policy file, "-" for standard input. NULL with the error on
 * stderr. */
json_t *pack_policy_file(const char *path);

/* Prints a reply as text; what the command line asks for beyond the method is in `invocation`. */
typedef void (*print_reply)(const struct invocation *invocation, const json_t *reply);

/* Asks the daemon and shows what it answers: as JSON with --json, else by print(); NULL: there is
 * nothing to be said. `params` is taken over. Returns the exit status. */
int show_reply(const struct invocation *invocation, const char *method, json_t *params,
	       bool changes, print_reply print);

/* The socket to use; the caller frees it. NULL with the error on stderr. */
char *socket_path(const struct invocation *invocation, bool changes);

/* Makes every text in a value such that it can be shown: see escape_text(). Texts of policies stay
 * as they are: members "xml", "before" and "after". */
void escape_texts(json_t *value);

/* Prints the error and returns STATUS_FAILED. */
int print_error(struct diag *diag);

/* Prints JSON, indented, for --json. Returns STATUS_OK, or STATUS_FAILED when stdout is broken. */
int print_json(const json_t *value);

/* A table of sessions as the daemon describes them: sessions.c. */
void print_sessions(const json_t *sessions);

/* ---- reading replies: a missing or odd member is "", 0 or false ----------------------------- */

const char *get_text(const json_t *object, const char *name);
json_int_t get_number(const json_t *object, const char *name);
/* Of "vlan" and "inner_vlan", as format_vlan() takes it. */
uint32_t get_vlans(const json_t *object);
bool get_flag(const json_t *object, const char *name);

/* "a, b, c"; `none` when the array is empty. The caller frees it. */
char *join_texts(const json_t *array, const char *none);

#endif
