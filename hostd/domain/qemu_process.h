/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network devices that a domain's QEMU holds open, whoever has given them to it. A monitor
 * command or an argument may add an interface that is in no XML.
 */
#ifndef VMSEG_QEMU_PROCESS_H
#define VMSEG_QEMU_PROCESS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "hostd/domain/domain.h"

struct held_devices {
	char (*names)[IF_NAMESIZE]; /* taps, macvtaps and ipvtaps, each once */
	size_t count;
};

/* Libvirt writes the process id into a file. A domain without a process holds nothing. Returns 0,
 * or -errno: -ENOENT there is no such file, -EBADMSG the process is not this domain's, -EACCES the
 * kernel does not let this process see what the other one has open (that needs CAP_SYS_PTRACE, and
 * before Linux 5.14 CAP_DAC_READ_SEARCH). */
int read_held_devices(const struct domain *domain, struct held_devices *ret);

bool holds_device(const struct held_devices *held, const char *device);
void free_held_devices(struct held_devices *held);

/* Whether the process of a QEMU domain or container exists, or may exist. False without a PID file.
 */
bool may_run(const struct domain *domain);

/* For tests: other directories than /run/libvirt and /proc; NULL: these. */
void set_process_paths(const char *libvirt_directory, const char *proc);

#endif
