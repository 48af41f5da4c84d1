/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about the host as a whole.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/change/pending.h"
#include "hostd/change/policy_edit.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/datapath.h"
#include "hostd/enforce/handlers/gaps.h"
#include "hostd/enforce/handlers/repair.h"
#include "hostd/enforce/inventory/clones.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/problems.h"
#include "hostd/enforce/inventory/unclaimed.h"

struct tally {
	const struct enforcer *enforcer;
	json_int_t managed, unmanaged;
	json_t *problems, *warnings, *unfiltered;
};

static void add_problem(struct tally *tally, const struct managed_domain *domain,
			const char *device, const char *error)
{
	if (error)
		json_array_append_new(tally->problems,
				      json_pack("{s:s, s:o, s:o}", "domain", domain->domain->name,
						"device", json_text(device), "error",
						json_text(error)));
}

/* Of the host as a whole. */
static void add_host_problem(struct tally *tally, const char *error)
{
	if (error)
		json_array_append_new(tally->problems,
				      json_pack("{s:n, s:n, s:o}", "domain", "device", "error",
						json_text(error)));
}

static void add_port_problems(struct tally *tally, const struct managed_domain *domain,
			      const struct managed_port *port)
{
	add_problem(tally, domain, port->device, port->error);
	add_problem(tally, domain, port->device, port->hook_problem);
}

static void count_domain(const struct managed_domain *domain, void *context)
{
	struct tally *tally = context;
	json_t *warnings = view_warnings(tally->enforcer, domain);
	json_t *unfiltered = view_unfiltered(domain);
	char gap[GAP_BYTES], clone[512];

	if (is_managed(domain))
		tally->managed++;
	else
		tally->unmanaged++;
	add_problem(tally, domain, NULL, domain->error);
	if (find_gap(tally->enforcer, domain, false, gap, sizeof(gap)))
		add_problem(tally, domain, NULL, gap);
	if (explain_clone(domain, clone, sizeof(clone)))
		add_problem(tally, domain, NULL, clone);
	for (size_t i = 0; i < domain->port_count; i++)
		add_port_problems(tally, domain, &domain->ports[i]);
	json_array_extend(tally->warnings, warnings);
	json_decref(warnings);
	json_array_extend(tally->unfiltered, unfiltered);
	json_decref(unfiltered);
}

static void list_host_problem(const struct problem *problem, void *context)
{
	_cleanup_free_ char *error = NULL;

	if (asprintf(&error, "%s: %s", problem->subject, problem->text) < 0)
		error = NULL;
	add_host_problem(context, error);
}

static json_t *view_unclaimed(struct enforcer *enforcer)
{
	json_t *array = json_array();
	const struct unclaimed_port *port;

	for (port = first_unclaimed_port(enforcer); port; port = port->hh.next) {
		char reason[REASON_BYTES] = "it is about to be opened";

		explain_unclaimed(enforcer, port, reason, sizeof(reason));
		json_array_append_new(
			array,
			json_pack("{s:o, s:I, s:I, s:o}", "device", json_text(port->device),
				  "ifindex", (json_int_t)port->ifindex, "seconds",
				  (json_int_t)((monotonic_usec() - port->since) / USEC_PER_SEC),
				  "reason", json_text(reason)));
	}
	return array;
}

static void list_pending(const struct pending_change *change, void *context)
{
	json_array_append_new(context,
			      json_pack("{s:s, s:I, s:I, s:s, s:o}", "name", change->name,
					"seconds", (json_int_t)change->seconds, "seconds_left",
					(json_int_t)seconds_left(change), "rollback",
					change->existed ? "the earlier file" : "no file", "error",
					json_text(change->error)));
}

static json_t *view_pending(struct policy_editor *editor)
{
	json_t *array = json_array();

	for_each_pending(editor, list_pending, array);
	return array;
}

static json_t *view_libvirt(const struct virt_links *links)
{
	json_t *array = json_array();

	for (size_t i = 0; i < links->count; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:b, s:o}", "uri", links->links[i].uri,
						"connected", links->links[i].connected, "problem",
						json_text(links->links[i].problem)));
	return array;
}

static json_t *view_usage(uint32_t used, uint32_t total)
{
	return json_pack("{s:I, s:I}", "used", (json_int_t)used, "total", (json_int_t)total);
}

static json_t *view_datapath(struct datapath *datapath)
{
	struct datapath_status status;

	read_datapath_status(datapath, &status);
	return json_pack("{s:s, s:b, s:o, s:I, s:o, s:o}", "attach", attach_names[status.attach],
			 "adopted", status.adopted, "ports",
			 view_usage(status.port_count, status.max_ports), "images",
			 (json_int_t)status.image_count, "policy_nodes",
			 view_usage(status.nodes_used, status.nodes_total), "rule_counters",
			 view_usage(status.rule_counters_used, status.rule_counters_total));
}

int answer_status(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag)
{
	struct enforcer *enforcer = context->enforcer;
	const struct config *config = enforcer_config(enforcer);
	struct tally tally = {.enforcer = enforcer,
			      .problems = json_array(),
			      .warnings = json_array(),
			      .unfiltered = json_array()};

	add_host_problem(&tally, find_pins_problem(enforcer));
	for_each_domain(enforcer, count_domain, &tally);
	for_each_problem(enforcer, list_host_problem, &tally);
	*ret_result = json_pack(
		"{s:s, s:I, s:I, s:s, s:I, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"version", VMSEG_VERSION, "pid", (json_int_t)getpid(), "uptime",
		(json_int_t)((monotonic_usec() - context->started) / USEC_PER_SEC),
		"policy_directory", config->policy_directory, "bad_files",
		(json_int_t)count_bad_files(enforcer_library(enforcer)), "domains", "managed",
		tally.managed, "unmanaged", tally.unmanaged, "problems", tally.problems, "warnings",
		tally.warnings, "unfiltered", tally.unfiltered, "pending",
		view_pending(context->editor), "unclaimed", view_unclaimed(enforcer), "libvirt",
		view_libvirt(context->libvirt), "datapath",
		view_datapath(enforcer_datapath(enforcer)));
	return *ret_result ? 0 : -ENOMEM;
}
