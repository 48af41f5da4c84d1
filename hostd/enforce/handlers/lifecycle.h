/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the libvirt hook says.
 */
#ifndef VMSEG_LIFECYCLE_H
#define VMSEG_LIFECYCLE_H

#include "hostd/enforce/inventory/enforcer.h"

/* Nothing is attached yet: would the domain's policy hold? Returns 0 or -errno with an error. */
int prepare_domain(struct enforcer *enforcer, const char *xml, struct diag *diag);

/* As prepare_domain, for a domain that comes by migration or restore: TCP connections that are
 * already open may be picked up for a while once it runs. */
int prepare_incoming_domain(struct enforcer *enforcer, const char *xml, struct diag *diag);

/* Its devices exist, its CPUs do not run yet: every NIC or none. A domain of its UUID that is known
 * already goes on as it was when that fails; -EBUSY: that one has another device that is still
 * there. */
int start_domain(struct enforcer *enforcer, const char *xml, struct diag *diag);

/* The hook's `stopped`, or `release` where `released` is set: as stop_domain(), unless the XML is
 * of another domain of that UUID, and a device of the known one is still there. Returns 0 or -errno
 * with an error: XML from which nobody can tell whose it is. */
int end_domain(struct enforcer *enforcer, const char *xml, bool released, struct diag *diag);

/* The domain has ended: detaches its ports, drops their sessions, frees it. Never fails. */
void stop_domain(struct enforcer *enforcer, const char *uuid);

#endif
