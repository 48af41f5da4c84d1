/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only reader of domain XML.
 */
#ifndef VMSEG_DOMAIN_XML_H
#define VMSEG_DOMAIN_XML_H

#include "hostd/domain/domain.h"

/* Returns 0, or -errno with an error in diag: -EINVAL for XML that is not a domain. The kinds of
 * host devices are read from sysfs (host_device.h). Metadata that cannot be used is no failure
 * here: see check_metadata(). */
int parse_domain(const char *xml, size_t size, struct domain **ret, struct diag *diag);

/* As parse_domain(), with nothing but name, UUID and driver: for a domain of which the rest cannot
 * be read. */
int parse_identity(const char *xml, size_t size, struct domain **ret, struct diag *diag);

#endif
