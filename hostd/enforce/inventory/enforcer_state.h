/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside hostd/enforce and hostd/change: the enforcer's own state and the steps that its files
 * share.
 */
#ifndef VMSEG_ENFORCE_STATE_H
#define VMSEG_ENFORCE_STATE_H

#include "hostd/change/pending.h"
#include "hostd/enforce/apply/bypass.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/groups.h"
#include "hostd/enforce/inventory/problems.h"

/* A domain that is about to come by migration or restore. */
struct arrival {
	char uuid[37];
	uint64_t until; /* monotonic_usec() */
	UT_hash_handle hh;
};

/* Work that a hook has left behind: see chores.c. */
struct chores {
	struct slot_wish *wishes; /* of domains that are about to start */
	size_t wish_count;
	bool outdated; /* there are domains that are */
};

/* One of the libvirts that the settings name. */
struct libvirt_source {
	char *uri;
	char driver[16];    /* "qemu", "lxc"; "" before it has described anything */
	uint64_t described; /* monotonic_usec() from before it was asked for all; 0: not heard */
};

/* Where the look for programs that were taken off goes on. */
struct repair {
	uint32_t cursor; /* next_attached_port() */
	unsigned rounds;
};

struct enforcer {
	const struct config *config;
	struct datapath *datapath;
	struct library_share *library; /* the newest */
	struct groups *groups;
	struct rules_cache rules;         /* of that library and these groups */
	struct managed_domain *domains;   /* by UUID */
	struct unclaimed_port *unclaimed; /* by ifindex */
	struct libvirt_source *libvirts;  /* in the order of libvirt-uri at the start */
	size_t libvirt_count;
	bool lists_unknown;                   /* one of them runs a domain that is not known */
	struct arrival *arrivals;             /* by UUID */
	struct policed_start *policed_starts; /* by UUID */
	struct chores chores;
	struct repair repair;
	struct bypasses bypasses;
	struct pending_changes pending; /* of policy files */
	char *pins_problem;             /* NULL: all is pinned as it should be */
	struct problem *problems;       /* of the host: no known domain's */
	char *state_directory;          /* of libvirt's domains: does not outlive a reboot */
	char *port_directory;           /* of port domains: does */
	struct timespec state_time;     /* of the directories, when all files were last there */
	struct timespec port_time;
};

/* ---- domains.c ------------------------------------------------------------------------------ */

struct managed_domain *find_managed(const struct enforcer *enforcer, const char *uuid);

bool is_name_taken(const struct enforcer *enforcer, const char *name);

/* As find_port_owner(). */
struct managed_domain *find_owner(struct enforcer *enforcer, unsigned int ifindex,
				  struct managed_port **ret_port);

/* Takes over domain, xml and policy. */
struct managed_domain *new_managed(struct domain *domain, char *xml, struct domain_policy *policy);
/* Takes over managed. False: out of memory, and it is freed. */
bool insert_managed(struct enforcer *enforcer, struct managed_domain *managed);

/* For one that is in no table; ports are left as they are. */
void free_managed(struct managed_domain *managed);

/* Removes from the table and frees; ports are left as they are. */
void drop_managed(struct enforcer *enforcer, struct managed_domain *managed);

/* A newer description of the same UUID, which can be read. Takes over domain and xml; what is in
 * force stays. */
void replace_description(struct managed_domain *managed, struct domain *domain, char *xml);

/* What the domain's description says is in force. Takes over policy; NULL: it is left alone. */
void set_policy(struct managed_domain *managed, struct domain_policy *policy);

/* A domain that is to be filtered, or of which nobody knows. */
bool may_be_managed(const struct managed_domain *managed);

/* A device that the domain has as a port and that still exists, by its name then; NULL: none does.
 */
const char *find_present_device(const struct managed_domain *managed);

/* One of these, other than `except`, whose description names the device; NULL: there is none. */
struct managed_domain *find_claimant(const struct enforcer *enforcer, const char *device,
				     const struct managed_domain *except);

/* What was planned for the domain is in force, but some of it not as its author may think. */
void log_warnings(const struct domain *domain, const struct diag *diag);

/* Text NULL: no error any more. */
void set_error(char **target, const char *text);

struct library_share *share_library(struct library_share *share);
void release_library(struct library_share **share);
/* From now on the domain's ports come from this library. */
void use_library(struct managed_domain *managed, struct library_share *share);

/* ---- lifecycle.c ---------------------------------------------------------------------------- */

/* Both outputs are set on success; *ret_policy NULL: unmanaged. */
int read_description(const struct enforcer *enforcer, const char *xml, struct domain **ret_domain,
		     struct domain_policy **ret_policy, struct diag *diag);
void free_arrivals(struct enforcer *enforcer);

/* ---- apply.c -------------------------------------------------------------------------------- */

/* Attaches every port of the plan for a domain that starts, or none. A device that it has as a port
 * already stays filtered also on failure. */
int apply_new_plan(struct enforcer *enforcer, struct managed_domain *managed,
		   struct domain_plan *plan, struct diag *diag);

struct planned {
	struct managed_domain *managed;
	struct domain_plan *plan; /* its ports are taken out */
};

/* Brings each domain's ports to its plan. Ports that cannot be brought there keep what they have,
 * or pass nothing where they are new, and carry the error. Ports that are not in the plan are
 * detached. */
void apply_plans(struct enforcer *enforcer, const struct planned *items, size_t count);

/* Ports of devices that `domain` names and that are not attached yet: nothing passes; ports of
 * devices that it does not name are detached. */
void apply_closed(struct enforcer *enforcer, struct managed_domain *managed,
		  const struct domain *domain);

/* Detaches every port. */
void detach_ports(struct enforcer *enforcer, struct managed_domain *managed);

/* The device of a NIC: the one that the domain has attached for it, as long as that exists in this
 * network namespace, whatever its name is now; else the one of that name. The device of a port
 * domain is always the one of that name, if there is one. 0: none. */
unsigned int locate_device(const struct managed_domain *managed, const uint8_t *mac,
			   const char *target);

/* Another device that has the name of the NIC's device, which was renamed. 0: there is none. */
unsigned int find_namesake(const struct managed_domain *managed,
			   const struct domain_interface *nic);

/* Whether nothing passes the attached device because nobody has said what may. */
bool is_quarantined(struct datapath *datapath, unsigned int ifindex);

/* From now on, for as long as the settings say, TCP connections that the domain has open may be
 * picked up mid-stream: its interfaces begin to be filtered. */
void open_pickup(const struct enforcer *enforcer, struct managed_domain *managed);

/* Seconds that mid-stream pick-up is still on for the domain's ports; 0: it is off. */
uint32_t pickup_seconds(const struct managed_domain *managed);

/* ---- attach_device.c ------------------------------------------------------------------------ */

/* attach_port() for a device as the kernel describes it: the only place that decides in which of
 * its directions the guest sends. `config->reversed` is not read. Returns 0 or -errno with an error
 * in diag: -EOPNOTSUPP for a device whose frames TC programs cannot filter. */
int attach_device(struct enforcer *enforcer, unsigned int ifindex, const struct port_config *config,
		  const struct image *image, struct diag *diag);

/* ---- batch.c -------------------------------------------------------------------------------- */

/* Updates, of the ports in the plans, those that their domain has already: all or none, across all
 * domains. Returns 0 or -errno with an error in diag. */
int update_present_ports(struct enforcer *enforcer, const struct planned *items, size_t count,
			 struct diag *diag);
void free_port(struct managed_port *port);

/* ---- wanted.c ------------------------------------------------------------------------------- */

/* Plans what is asked for now, with the newest library and groups. A NIC that cannot have it keeps
 * what it has, by the newest rules that there are for that; one that has nothing is to be closed.
 * Sets the domain's `error`, and where nothing is wrong what is in force. *ret is NULL for a domain
 * that is to be left alone. Returns 0, or -ENOMEM and nothing has changed but the error. */
int plan_wanted(struct enforcer *enforcer, struct managed_domain *managed,
		struct domain_plan **ret);

/* The same, put in force and saved. */
void enforce_wanted(struct enforcer *enforcer, struct managed_domain *managed);

/* The domain has no vmseg metadata (any more): its devices are opened. */
void leave_alone(struct enforcer *enforcer, struct managed_domain *managed);

/* Text NULL: what is asked for is in force. What is new is logged. */
void note_error(struct managed_domain *managed, const char *text);

/* ---- replan.c ------------------------------------------------------------------------------- */

/* Rebuilds the groups and updates the ports whose rules mention one that has changed: at once if
 * they are few, else by chores. */
void refresh_groups(struct enforcer *enforcer);
/* Updates some of those that wait for that. */
void renew_outdated(struct enforcer *enforcer);

/* ---- persist.c ------------------------------------------------------------------------------ */

struct saved_domain {
	struct domain *domain; /* read from the XML */
	char *xml;
	char *unread_xml;  /* NULL: none */
	char *policy_text; /* NULL: of the xml, or none */
	bool detached;
	struct managed_port *ports; /* mac, device and ifindex */
	size_t port_count;
};

/* Writes the domain's state file, unless that says all this already. Returns 0 or -errno with an
 * error in diag. */
int write_saved_domain(const struct enforcer *enforcer, struct managed_domain *managed,
		       struct diag *diag);

/* Writes or removes the domain's state file; a failure is logged. */
void save_domain(const struct enforcer *enforcer, struct managed_domain *managed);
void remove_saved_domain(const struct enforcer *enforcer, const char *uuid);

/* Calls visit for each state file that can be read; it may take pointers out of `saved`. A file
 * that cannot be read, or that visit refuses with -errno and an error in diag, is set aside and
 * becomes a problem of the host. */
void load_saved_domains(struct enforcer *enforcer,
			int (*visit)(struct enforcer *enforcer, struct saved_domain *saved,
				     struct diag *diag));

/* Is a state file set aside of a port domain, or of a domain that nobody has told of since? Then an
 * attached device that nobody claims may be that domain's, which only an administrator can tell. */
bool has_bad_state(const struct enforcer *enforcer);

/* ---- adopt_domains.c --------------------------------------------------------------------- */

void adopt_domains(struct enforcer *enforcer);

/* ---- gaps.c --------------------------------------------------------------------------------- */

/* Closes the gaps that can be closed, and says which cannot: once in each round of repairs. */
void mend_gaps(struct enforcer *enforcer);

/* ---- chores.c ------------------------------------------------------------------------------- */

/* The domain is about to start: the slots of its ports are to be ready when it does. */
void wish_for_slots(struct enforcer *enforcer, const struct domain_plan *plan);
void free_chores(struct enforcer *enforcer);

/* ---- policed.c ------------------------------------------------------------------------------ */

/* -EOPNOTSUPP with an error where a NIC of a domain that is to be filtered would have libvirt's
 * ingress qdisc in clsact's place: said before anything is made. */
int refuse_policed(const struct enforcer *enforcer, const struct domain *domain, struct diag *diag);

/* A domain that is left alone, and has such a NIC, is about to start; until then, for a while, no
 * new device is closed: clsact on it would refuse libvirt its qdisc, and so the start. */
int expect_policed(struct enforcer *enforcer, const struct domain *domain);
void forget_policed(struct enforcer *enforcer, const char *uuid);
bool awaits_policed(struct enforcer *enforcer);
void free_policed(struct enforcer *enforcer);

/* ---- port_domain.c -------------------------------------------------------------------------- */

/* The port domain of a device's name; NULL: there is none. */
struct managed_domain *find_port_domain(const struct enforcer *enforcer, const char *device);

/* Brings a port domain to what is asked for now; where that is bad, what is in force stays, and a
 * device that has nothing in force passes nothing. */
void renew_port_domain(struct enforcer *enforcer, struct managed_domain *managed);

/* A device of that name has come. False: it is no port domain's. */
bool welcome_port(struct enforcer *enforcer, const char *device);

/* ---- policy_edit.c -------------------------------------------------------------------------- */

/* As roll_back_overdue(), for what ran out while no daemon ran: before policies are read. */
void restore_overdue(struct enforcer *enforcer);

/* ---- libvirts.c ----------------------------------------------------------------------------- */

int new_libvirts(struct enforcer *enforcer);
void free_libvirts(struct enforcer *enforcer);

/* Whether one that is heard is of this driver. */
bool hears_driver(const struct enforcer *enforcer, const char *driver);

/* One that has not described all that runs since `since`, or NULL. */
const struct libvirt_source *find_unasked(const struct enforcer *enforcer, uint64_t since);

/* ---- unclaimed.c ---------------------------------------------------------------------------- */

/* `adopted`: it was filtered as somebody's when the daemon started, and no state file says whose it
 * is. It may be a port domain's, of which libvirt knows nothing. */
void add_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device,
		   bool adopted);
/* The device has an owner now. */
void claim_device(struct enforcer *enforcer, unsigned int ifindex);
/* Devices of a domain that is left alone are opened again, by chores: those that its description,
 * given after they came, names, and that of no managed domain does. */
void release_devices(struct enforcer *enforcer, const struct managed_domain *managed);
bool has_released_device(const struct enforcer *enforcer);
void open_released_device(struct enforcer *enforcer);
void free_unclaimed(struct enforcer *enforcer);

/* ---- enforcer.c ----------------------------------------------------------------------------- */

/* The inputs of a plan with this library and the groups of now. */
struct plan_inputs plan_inputs(struct enforcer *enforcer, const struct library_share *library);

#endif
