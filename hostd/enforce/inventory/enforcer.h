/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner of all enforcement state: which domains run, what their ports have. One thread calls
 * it; nothing in it ever waits for libvirt.
 */
#ifndef VMSEG_ENFORCER_H
#define VMSEG_ENFORCER_H

#include "hostd/config/config.h"
#include "hostd/datapath/datapath.h"
#include "hostd/domain/port_description.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/problems.h"

/* Loads the policy directory and adopts what the state files and the pinned maps tell: same slots,
 * same sessions. `config` and `datapath` must outlive the enforcer. */
int open_enforcer(const struct config *config, struct datapath *datapath, struct enforcer **ret,
		  struct diag *diag);

/* Frees the daemon's side; every port stays as it is. */
void close_enforcer(struct enforcer **enforcer);

struct datapath *enforcer_datapath(const struct enforcer *enforcer);
const struct config *enforcer_config(const struct enforcer *enforcer);
const struct library *enforcer_library(const struct enforcer *enforcer);
struct groups *enforcer_groups(const struct enforcer *enforcer);

/* What is wrong and belongs to no known domain. */
void for_each_problem(struct enforcer *enforcer,
		      void (*visit)(const struct problem *problem, void *context), void *context);

/* What others have found wrong with `subject`; NULL: it is well again. Logged when it is news. */
void report_problem(struct enforcer *enforcer, const char *subject, const char *text);

/* Writes state files that somebody has removed anew. Cheap where nobody has. */
void restore_saved_domains(struct enforcer *enforcer);

/* ---- what the libvirt hook says ------------------------------------------------------------- */

/* Nothing is attached yet: would the domain's policy hold? Returns 0 or -errno with an error. */
int prepare_domain(struct enforcer *enforcer, const char *xml, struct diag *diag);

/* As prepare_domain, for a domain that comes by migration or restore: TCP connections that are
 * already open may be picked up for a while once it runs. */
int expect_domain(struct enforcer *enforcer, const char *xml, struct diag *diag);

/* Its devices exist, its CPUs do not run yet: every NIC or none. A domain of its UUID that is known
 * already goes on as it was when that fails; -EBUSY: that one has another device that is still
 * there. */
int start_domain(struct enforcer *enforcer, const char *xml, struct diag *diag);

/* The hook's `stopped`, or `release` where `released` is set: as stop_domain(), unless the XML is
 * of another domain of that UUID, and a device of the known one is still there. Returns 0 or -errno
 * with an error: XML from which nobody can tell whose it is. */
int end_domain(struct enforcer *enforcer, const char *xml, bool released, struct diag *diag);

/* It is over: detaches, drops sessions, frees. Never fails. */
void stop_domain(struct enforcer *enforcer, const char *uuid);

/* ---- what libvirt's events and the hook's `reconnect` say ----------------------------------- */

/* What libvirt says of a running domain. */
struct domain_news {
	const char *xml;
	/* Libvirt's own word, whatever can be read in the XML; NULL: only the XML says. */
	const char *name, *uuid, *driver;
	/* monotonic_usec() from before it was said: older news than the last hook call is none. */
	uint64_t seen;
};

/* Brings the domain's ports in line with its description. What cannot be brought in line keeps what
 * it has, new devices pass nothing; the error is logged and kept with the domain, and so is the
 * description, good or bad. */
void reconcile_domain(struct enforcer *enforcer, const struct domain_news *news);

/* The domain runs, and libvirt cannot give its XML, which is NULL in `news`: as for a description
 * that cannot be read. */
void note_undescribed(struct enforcer *enforcer, const struct domain_news *news, const char *why);

/* The libvirt of this driver ("qemu", "lxc") was asked about the domain after `seen` and says that
 * it does not run. It is forgotten, unless one of its devices is still there: then it stays
 * filtered and is a problem until the device is gone, libvirt knows the domain again, the hook says
 * that it is over, or release_port(). */
void forget_domain(struct enforcer *enforcer, const char *driver, const char *uuid, uint64_t seen);

/* These UUIDs are all that run of this driver: the others are forgotten in the same way. */
void keep_domains(struct enforcer *enforcer, const char *driver, const char *const *uuids,
		  size_t count, uint64_t seen);

/* Is one of these running domains unknown here? Then needs_descriptions() is true once. */
void learn_domains(struct enforcer *enforcer, const char *const *uuids, size_t count);

/* The libvirt of this number among the settings' libvirt-uri, which is that of `driver`, was asked
 * after `seen` to describe all that runs, has done so, and reconcile_domain() has had all of it. */
void note_described(struct enforcer *enforcer, size_t libvirt, const char *driver, uint64_t seen);

/* It cannot be heard any more. */
void note_deaf(struct enforcer *enforcer, size_t libvirt);

/* Is there a device that nobody has claimed, and that not every libvirt has been asked about, or a
 * domain that runs and is not known (learn_domains())? True once for each. */
bool needs_descriptions(struct enforcer *enforcer);

/* Opens the unclaimed devices of which it is certain that no domain that may be managed has them.
 */
void decide_unclaimed(struct enforcer *enforcer);

/* Its CPUs run again, on this host for the first time: pick-up counts from here. */
void resume_domain(struct enforcer *enforcer, const char *uuid);

/* ---- what the kernel says ------------------------------------------------------------------- */

/* A device has appeared. While libvirt's events come in (`watched`), or a managed domain runs, one
 * that a domain of libvirt's could have passes nothing until it is known whose it is. */
void note_device(struct enforcer *enforcer, unsigned int ifindex, const char *device, bool watched);
void lose_device(struct enforcer *enforcer, unsigned int ifindex);

/* A device has a new name. What it has stays; if a port domain waits for that name, it is its. */
void rename_device(struct enforcer *enforcer, unsigned int ifindex, const char *device);

/* Looks at the next few ports for programs that somebody has taken off, and puts them back. Returns
 * whether the round over all ports goes on. Filters of clsact, of whose fate the kernel tells, are
 * looked at in some rounds only. */
bool repair_ports(struct enforcer *enforcer);

/* The same for one device: the kernel tells that something has changed there. Any will do. */
void repair_device(struct enforcer *enforcer, unsigned int ifindex);

/* Why filtering would end with this process, as the last round has found; NULL: it goes on. */
const char *find_pins_problem(const struct enforcer *enforcer);

/* The kernel had more to tell than could be kept: the next round looks at everything. */
void expect_repairs(struct enforcer *enforcer);

/* ---- what can wait until the hook has its answer -------------------------------------------- */

/* Is there such work, left by the calls above? One piece of it waits for the kernel once or twice,
 * some 10 ms each. */
bool has_chores(const struct enforcer *enforcer);
void do_chore(struct enforcer *enforcer);

/* ---- what people say ------------------------------------------------------------------------ */

struct reload_result {
	size_t updated;   /* domains that now have what the new policies say */
	size_t failed;    /* domains that keep what they have; each says why in its `error` */
	size_t bad_files; /* in the policy directory */
};

/* Reads the policy directory again. `config` replaces the one in use and must outlive the enforcer;
 * the old one is not used any more when this returns 0. Each domain changes as a whole or not.
 * -EINVAL, and nothing has changed: other settings name a policy that does not exist. */
int reload_enforcer(struct enforcer *enforcer, const struct config *config,
		    struct reload_result *ret, struct diag *diag);

/* Takes filtering off a running domain, until it starts again or attach_domain. Returns 0 or -errno
 * with an error (-ENOENT: no such domain). */
int detach_domain(struct enforcer *enforcer, const char *name, struct diag *diag);
int attach_domain(struct enforcer *enforcer, const char *name, struct diag *diag);

/* Filters a device that libvirt does not manage, from now on, over restarts and reboots, as a
 * domain of its own; with `replace` says anew what holds for one that is filtered so already; with
 * `force` also a device that is not a guest's end (guest_end.h). All or nothing. Returns 0 or
 * -errno with an error: -ENODEV, -EEXIST, -EBUSY (a domain has it), -EOPNOTSUPP (not an Ethernet
 * device), -EINVAL (not a guest's end), or what is wrong with the description. */
int define_port(struct enforcer *enforcer, const struct port_description *description, bool replace,
		bool force, struct diag *diag);

/* Opens an unclaimed device: somebody says that it is to be left alone; or all devices of the
 * domain that has it, if libvirt does not know that any more (forget_domain()). Returns 0 or -errno
 * with an error: -ENOENT (it is none), -EBUSY (a domain has it). */
int release_port(struct enforcer *enforcer, const char *device, struct diag *diag);

/* Takes that back. -ENOENT: there is no such port domain. */
int undefine_port(struct enforcer *enforcer, const char *device, struct diag *diag);

/* Every domain, and the ports that nobody owns. */
void detach_everything(struct enforcer *enforcer);

#endif
