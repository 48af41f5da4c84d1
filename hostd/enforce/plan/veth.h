/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's end of a container's veth.
 */
#ifndef VMSEG_VETH_H
#define VMSEG_VETH_H

#include "hostd/domain/domain.h"

/* libvirt's LXC driver names only the container's end to its `start` hook. Gives every interface of
 * which nothing else is known the other end as its target. What cannot be found stays NULL. */
void find_veth_targets(struct domain *domain);

#endif
