/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hook's decisions (libvirt, docs/hooks.html).
 */
#include "hooks/libvirt/decision.h"

#include <string.h>
#include <strings.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/xml.h"
#include "hostd/control/client.h"

static const char *const refusable[] = {"prepare", "start", "migrate", "restore"};
static const char *const reported_only[] = {"started", "stopped", "release", "reconnect"};

static bool is_among(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

bool may_refuse(const char *operation)
{
	return is_among(operation, refusable, ARRAY_SIZE(refusable));
}

bool is_reported(const char *operation)
{
	return may_refuse(operation) ||
	       is_among(operation, reported_only, ARRAY_SIZE(reported_only));
}

bool mentions_vmseg(const char *xml, size_t size)
{
	static const char family[] = VMSEG_NAMESPACE_FAMILY;
	const size_t length = sizeof(family) - 1;

	for (size_t i = 0; i + length <= size; i++) {
		if (strncasecmp(xml + i, family, length) == 0)
			return true;
	}
	return false;
}

bool must_refuse(const char *operation, enum daemon_answer answer, bool managed,
		 enum require_daemon require)
{
	if (!may_refuse(operation) || answer == ANSWER_YES)
		return false;
	/* If the daemon has refused the domain, require-daemon does not matter. */
	if (answer == ANSWER_NO || require == REQUIRE_ALWAYS)
		return true;
	return managed && require == REQUIRE_MANAGED;
}

uint64_t silence_limit(const char *operation, bool managed, enum require_daemon require)
{
	return must_refuse(operation, ANSWER_NONE, managed, require) ? CONTROL_SILENCE_USEC
								     : USEC_PER_SEC;
}
