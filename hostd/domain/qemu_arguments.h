/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arguments that libvirt hands to QEMU unread, <qemu:commandline>.
 */
#ifndef VMSEG_QEMU_ARGUMENTS_H
#define VMSEG_QEMU_ARGUMENTS_H

#include <stdbool.h>

/* Whether the option, with the argument behind it ("" where there is none), gives the guest a
 * network interface, or changes one or takes its frames, or may: "-netdev", "-device" with a
 * network card, "-object" with a network filter, "-set" for a device, a monitor that libvirt does
 * not own ("-qmp"). `option` is one argument of QEMU's ("-netdev" or "--netdev"). */
bool makes_network_interface(const char *option, const char *argument);

#endif
