/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people see instead of numbers: the texts of all_reasons.def and states.def.
 */
#include "hostd/datapath/queries/names.h"

#include "bpf/abi.h"
#include "hostd/base/cleanup.h"

#define PASS    true
#define DROP    false
#define ASKED   true
#define UNASKED false
static const struct {
	const char *name;
	const char *help;
	bool passes, asks_policy;
} reasons[REASON_COUNT] = {
#define REASON(identifier, text, verdict, policy, sentence)                                        \
	[REASON_##identifier] = {text, sentence, verdict, policy},
#include "bpf/all_reasons.def"
#undef REASON
};
#undef PASS
#undef DROP
#undef ASKED
#undef UNASKED

static const char *const states[] = {
#define STATE(identifier, name, timeout, source) [STATE_##identifier] = (name),
#include "bpf/states.def"
#undef STATE
};

bool is_reason(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) && reasons[reason].name;
}

const char *reason_name(uint8_t reason)
{
	return is_reason(reason) ? reasons[reason].name : "?";
}

const char *reason_help(uint8_t reason)
{
	return is_reason(reason) ? reasons[reason].help : "?";
}

bool reason_passes(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) && reasons[reason].passes;
}

bool reason_asks_policy(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) && reasons[reason].asks_policy;
}

const char *state_name(uint8_t state)
{
	return state < ARRAY_SIZE(states) ? states[state] : "?";
}
