/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people see instead of numbers: the texts of reasons.def and states.def.
 */
#include "hostd/datapath/queries/names.h"

#include "bpf/abi.h"
#include "hostd/base/cleanup.h"

#define PASS true
#define DROP false
static const struct {
	const char *name;
	const char *help;
	bool passes;
} reasons[] = {
#define REASON(identifier, text, verdict, sentence)                                                \
	[REASON_##identifier] = {.name = (text), .help = (sentence), .passes = (verdict)},
#include "bpf/reasons.def"
#undef REASON
};
#undef PASS
#undef DROP

static const char *const states[] = {
#define STATE(identifier, name, timeout, source) [STATE_##identifier] = (name),
#include "bpf/states.def"
#undef STATE
};

const char *reason_name(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) ? reasons[reason].name : "?";
}

const char *reason_help(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) ? reasons[reason].help : "?";
}

bool reason_passes(uint8_t reason)
{
	return reason < ARRAY_SIZE(reasons) && reasons[reason].passes;
}

const char *state_name(uint8_t state)
{
	return state < ARRAY_SIZE(states) ? states[state] : "?";
}
