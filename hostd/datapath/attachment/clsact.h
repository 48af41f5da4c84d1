/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TC programs by filter on a clsact qdisc, where there is no TCX (Linux before 6.6).
 *
 * The filters have a priority and handle of vmseg's own; nothing else of the device is touched, and
 * the qdisc is removed only where vmseg made it and nobody has a filter in it.
 */
#ifndef VMSEG_DATAPATH_CLSACT_H
#define VMSEG_DATAPATH_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/diag.h"

/* Sees to it that the device has a clsact qdisc. -EBUSY: an ingress qdisc (libvirt's <bandwidth>)
 * is in its place, and it must not be taken away. */
int prepare_clsact(unsigned int ifindex, bool *ret_made, struct diag *diag);

/* Removes the device's clsact qdisc if no filter is left in it. */
void remove_empty_clsact(unsigned int ifindex);

/* -EEXIST: there is a filter at vmseg's place. */
int attach_clsact(int program, unsigned int ifindex, bool ingress);

/* Exchanges the program atomically. -ENOENT: there is none of vmseg's. */
int replace_clsact(int program, unsigned int ifindex, bool ingress);

/* Removes the filter if it is vmseg's. */
void detach_clsact(unsigned int ifindex, bool ingress);

/* The program at vmseg's place. -ENOENT: none, or no clsact qdisc. */
int query_clsact(unsigned int ifindex, bool ingress, uint32_t *ret_program_id);

/* Whether somebody's filter runs before vmseg's, or instead of it. */
bool is_behind_in_clsact(unsigned int ifindex, bool ingress);

#endif
