/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libvirt's events and the hook's `reconnect` say.
 */
#ifndef VMSEG_RECONCILE_H
#define VMSEG_RECONCILE_H

#include "hostd/enforce/inventory/enforcer.h"

/* What libvirt says of a running domain. */
struct domain_event {
	const char *xml;
	/* As libvirt gives them, beside the XML; NULL: they are read from the XML. */
	const char *name, *uuid, *driver;
	/* monotonic_usec() from before libvirt was asked. An event that is older than the last hook
	 * call is ignored. */
	uint64_t seen;
};

/* Brings the domain's ports in line with its description. What cannot be brought in line keeps what
 * it has, new devices pass nothing; the error is logged and kept with the domain, and so is the
 * description, good or bad. */
void reconcile_domain(struct enforcer *enforcer, const struct domain_event *event);

/* The domain runs, and libvirt cannot give its XML, which is NULL in `event`: as for a description
 * that cannot be read. */
void note_undescribed(struct enforcer *enforcer, const struct domain_event *event, const char *why);

#endif
