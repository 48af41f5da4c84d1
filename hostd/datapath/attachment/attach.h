/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's two programs on its device, whichever way they are attached.
 */
#ifndef VMSEG_DATAPATH_ATTACH_H
#define VMSEG_DATAPATH_ATTACH_H

#include "hostd/datapath/datapath_state.h"

/* What is on the device in one direction. */
struct hook_status {
	uint32_t link_id;    /* 0 with clsact */
	uint32_t program_id; /* 0: none */
	bool hooked;         /* it is the program of this datapath */
};

/* TCX or clsact for new ports: what is wished, or for ATTACH_AUTO what the kernel has. */
int choose_attach(enum attach_method wish, enum attach_method *ret, struct diag *diag);

/* Before the programs: what the device needs. Sets port->owns_qdisc. */
int prepare_device(struct filtered_port *port, struct diag *diag);

/* Attaches the programs that are not there and asks the kernel whether they are. */
int attach_programs(struct filtered_port *port, struct diag *diag);

/* Exchanges what an older process attached for this one's programs, without a gap. Where that fails
 * the older program goes on, and a warning says so. A device that is gone, or lost a program, is
 * left as it is: see repair_port(). */
void replace_programs(struct filtered_port *port, struct diag *diag);

/* Takes off both programs, and the qdisc if it was made for them. */
void detach_programs(struct filtered_port *port);

struct hook_status query_hook(const struct filtered_port *port, enum direction direction);

/* The cheaper question: is it there, and does it run first? *ret is one direction's state. -ENODEV:
 * the device is gone. */
int look_at_hook(const struct filtered_port *port, enum direction direction, enum hook_state *ret);

#endif
