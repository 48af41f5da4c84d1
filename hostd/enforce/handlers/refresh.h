/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains whose groups have changed.
 */
#ifndef VMSEG_REFRESH_H
#define VMSEG_REFRESH_H

#include "hostd/enforce/inventory/enforcer.h"

/* Rebuilds the groups and updates the ports whose rules name one that has changed: at once if they
 * are few, else by chores. */
void refresh_groups(struct enforcer *enforcer);

/* Updates some of the domains that wait for it. */
void renew_outdated(struct enforcer *enforcer);

#endif
