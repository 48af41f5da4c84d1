/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking vmseg off a host.
 */
#ifndef VMSEG_REMOVE_DATAPATH_H
#define VMSEG_REMOVE_DATAPATH_H

#include "hostd/base/diag.h"

/* Takes everything off the host: links, filters, pins, maps. Needs no open datapath, and takes away
 * also what another version of vmseg left; -EBUSY while a datapath is open. */
int remove_datapath(const char *bpffs, struct diag *diag);

#endif
