/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/base/vlan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"

const char *format_vlan(uint32_t vlans, char text[static VLAN_TEXT_BYTES])
{
	uint32_t outer = OUTER_VLAN(vlans), inner = INNER_VLAN(vlans);

	if (inner)
		snprintf(text, VLAN_TEXT_BYTES, "%u.%u", outer, inner);
	else if (outer)
		snprintf(text, VLAN_TEXT_BYTES, "%u", outer);
	else
		text[0] = '\0';
	return text;
}

/* Reads an id from 1 to VLAN_ID_MAX; returns what is behind it, or NULL. */
static const char *parse_id(const char *text, uint32_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long id = strtoul(text, NULL, 10);

	if (digits == 0 || digits > 4 || id == 0 || id > VLAN_ID_MAX)
		return NULL;
	*ret = (uint32_t)id;
	return text + digits;
}

bool parse_vlan(const char *text, uint32_t *ret)
{
	uint32_t outer, inner = 0;

	if (strcmp(text, "0") == 0) {
		*ret = 0;
		return true;
	}
	text = parse_id(text, &outer);
	if (text && *text == '.')
		text = parse_id(text + 1, &inner);
	if (!text || *text)
		return false;
	*ret = outer << 12 | inner;
	return true;
}
