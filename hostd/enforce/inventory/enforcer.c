/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others see of the enforcer.
 */
#include "hostd/enforce/inventory/enforcer.h"

#include <string.h>

#include "hostd/base/log.h"
#include "hostd/enforce/inventory/enforcer_state.h"

struct datapath *enforcer_datapath(const struct enforcer *enforcer)
{
	return enforcer->datapath;
}

const struct config *enforcer_config(const struct enforcer *enforcer)
{
	return enforcer->config;
}

const struct library *enforcer_library(const struct enforcer *enforcer)
{
	return enforcer->library->library;
}

struct groups *enforcer_groups(const struct enforcer *enforcer)
{
	return enforcer->groups;
}

struct problem **enforcer_problems(struct enforcer *enforcer)
{
	return &enforcer->problems;
}

void for_each_problem(struct enforcer *enforcer,
		      void (*visit)(const struct problem *problem, void *context), void *context)
{
	drop_solved_problems(&enforcer->problems);
	for (const struct problem *p = enforcer->problems; p; p = p->hh.next)
		visit(p, context);
}

void report_problem(struct enforcer *enforcer, const char *subject, const char *text)
{
	const struct problem *known = find_problem(enforcer->problems, subject);

	if (text && (!known || strcmp(known->text, text) != 0)) {
		log_error(NULL, "%s: %s", subject, text);
		set_problem(&enforcer->problems, subject, "%s", text);
	}
	if (!text && known) {
		log_notice(NULL, "%s: the problem is solved", subject);
		clear_problem(&enforcer->problems, subject);
	}
}
