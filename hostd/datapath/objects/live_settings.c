/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that the programs read at every packet: each is a word of its own, so a change needs no
 * more than stores.
 */
#include "hostd/datapath/objects/live_settings.h"

/* Far enough from where 32-bit jiffies come round that a late sweep does no harm. */
#define JIFFIES_MAX (1U << 30)

static uint32_t to_jiffies(uint32_t seconds, uint32_t hz)
{
	return seconds > JIFFIES_MAX / hz ? JIFFIES_MAX : seconds * hz;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes through it. */
static void set_word(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

void write_settings(const struct live_settings *live, uint32_t hz, struct settings *settings)
{
	set_word(&settings->hz, hz);
	for (int i = 0; i < STATE_COUNT; i++)
		set_word(&settings->timeout[i], to_jiffies(live->timeout[i], hz));
	set_word(&settings->event_rate, live->event_rate);
	set_word(&settings->event_burst, live->event_burst);
	set_word(&settings->abi, VMSEG_ABI);
}
