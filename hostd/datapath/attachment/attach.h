/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's two programs on its device, whichever way they are attached.
 */
#ifndef VMSEG_DATAPATH_ATTACH_H
#define VMSEG_DATAPATH_ATTACH_H

#include <net/if.h>
#include <stdbool.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/attachment/attach_ops.h"

struct objects;

/* Does the running kernel have it? */
bool is_attach_supported(enum attach_method method);

/* Does it take the place of the device's ingress qdisc, which libvirt's <bandwidth> needs? */
bool attach_needs_ingress_qdisc(enum attach_method method);

struct filtered_device {
	unsigned int ifindex;
	char name[IF_NAMESIZE]; /* when it was attached */
	enum attach_method attach;
	bool reversed;   /* macvtap: TC directions are the other way round */
	bool owns_qdisc; /* vmseg has made its qdisc */
};

/* The method for new ports: the configured one, or for ATTACH_AUTO the first that the kernel has.
 */
int choose_attach(enum attach_method configured, enum attach_method *ret, struct diag *diag);

/* How a device that has a record is attached; `otherwise` if none of its programs is left. */
enum attach_method find_attach(const struct objects *objects, unsigned int ifindex,
			       enum attach_method otherwise);

/* Makes what the device needs before its programs are attached. Sets device->owns_qdisc. */
int prepare_device(const struct objects *objects, struct filtered_device *device,
		   struct diag *diag);

/* Attaches the programs that are not there and asks the kernel whether they are. */
int attach_programs(const struct objects *objects, const struct filtered_device *device,
		    struct diag *diag);

/* Exchanges what an older process attached for this one's programs, without a gap. Where that fails
 * the older program goes on, and a warning says so. A device that is gone, or lost a program, is
 * left as it is: see repair_port(). */
void replace_programs(const struct objects *objects, const struct filtered_device *device,
		      struct diag *diag);

/* Takes off both programs, and the qdisc if it was made for them. -errno: a pin could not be
 * removed. */
int detach_programs(const struct objects *objects, const struct filtered_device *device);

/* `hooked` says whether it is this datapath's program. */
struct hook_status query_hook(const struct objects *objects, const struct filtered_device *device,
			      enum direction direction);

/* The cheaper question: is it there, and does it run first? *ret is one direction's state. -ENODEV:
 * the device is gone. */
int look_at_hook(const struct objects *objects, const struct filtered_device *device,
		 enum direction direction, enum hook_state *ret);

#endif
