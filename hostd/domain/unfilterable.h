/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces of a domain that have no device on the host that TC could filter, in every
 * form that libvirt has for them (https://libvirt.org/formatdomain.html, drvqemu.html,
 * drvlxc.html).
 */
#ifndef VMSEG_UNFILTERABLE_H
#define VMSEG_UNFILTERABLE_H

#include <libxml/tree.h>

#include "hostd/domain/domain.h"

/* Fills domain->unfilterable; the domain's interfaces and driver are there. Returns 0 or -ENOMEM.
 */
int read_unfilterable(const xmlNode *root, struct domain *domain);

#endif
