/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of a configuration.
 */
#include "hostd/datapath/objects/port_config.h"

#include <errno.h>

#include "hostd/base/vlan.h"

int check_port_config(const struct port_config *config, struct diag *diag)
{
	if (config->address_count > PORT_ADDRESSES_MAX)
		return fail(diag, EINVAL, NULL, 0, "%zu addresses, a port can have at most %d",
			    config->address_count, PORT_ADDRESSES_MAX);
	if (config->vlan_count > PORT_VLANS_MAX)
		return fail(diag, EINVAL, NULL, 0, "%zu VLANs, a port can have at most %d",
			    config->vlan_count, PORT_VLANS_MAX);
	for (size_t i = 0; i < config->vlan_count; i++)
		if (config->vlans[i] > VLAN_ID_MAX)
			return fail(diag, EINVAL, NULL, 0, "VLAN %u, expected 0 to %d",
				    config->vlans[i], VLAN_ID_MAX);
	return 0;
}
