/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching a device as the kernel describes it. The domain's XML does not say what the device is:
 * <interface type='ethernet'> may name a tap, a macvtap or a veth.
 */
#include "hostd/enforce/apply/attach_device.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/netlink/link_info.h"

int attach_device(struct enforcer *enforcer, unsigned int ifindex, const struct port_config *config,
		  const struct image *image, struct diag *diag)
{
	struct port_config directed = *config;
	char device[IF_NAMESIZE] = "";
	struct link_info info;
	int r = read_link_info(ifindex, &info);

	if_indextoname(ifindex, device);
	if (r < 0)
		return fail(diag, -r, NULL, 0,
			    "cannot read the kind of device %u from the kernel: %s", ifindex,
			    strerror(-r));
	if (!info.is_ethernet)
		return fail(diag, EOPNOTSUPP, NULL, 0, "%s is not an Ethernet device", device);
	directed.reversed = is_reversed_kind(info.kind);
	return attach_port(enforcer->datapath, ifindex, &directed, image, diag);
}
