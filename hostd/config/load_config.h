/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading hostd.conf.
 */
#ifndef VMSEG_LOAD_CONFIG_H
#define VMSEG_LOAD_CONFIG_H

#include "hostd/base/diag.h"
#include "hostd/config/config.h"

#define CONFIG_FILE VMSEG_SYSCONFDIR "/vmseg/hostd.conf"

/* Reads a file; NULL gives the defaults. Unknown keys and bad values are errors with file:line;
 * then *ret is untouched. Returns 0 or -errno. */
int load_config(const char *path, struct config **ret, struct diag *diag);
void free_config(struct config **config);

#endif
