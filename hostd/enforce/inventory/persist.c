/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State files, one per managed domain, so that the next daemon knows whose the attached ports are:
 * RUN_DIRECTORY/domains/UUID.json, and for port domains, of which nobody else knows,
 * STATE_DIRECTORY/ports/UUID.json. Policy is not saved: it is read from where it is written.
 */
#include "hostd/enforce/inventory/persist.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/json_text.h"
#include "hostd/base/json_whole.h"
#include "hostd/base/log.h"
#include "hostd/base/trusted_file.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/state_file.h"

#define STATE_VERSION 1

int open_state_directories(const struct config *config, struct state_directories *ret,
			   struct diag *diag)
{
	_cleanup_(free_state_directories) struct state_directories directories = {0};
	int r;

	directories.domains = run_path(config, "domains");
	if (asprintf(&directories.ports, "%s/ports", config->state_directory) < 0)
		directories.ports = NULL;
	if (!directories.domains || !directories.ports)
		return fail_memory(diag, NULL);
	if (mkdir(directories.domains, 0700) < 0 && errno != EEXIST)
		return fail(diag, errno, directories.domains, 0, "%s", strerror(errno));
	/* What others could write there would decide what is filtered. A directory with wrong
	 * permissions is refused, not repaired: nobody knows what has been written there. */
	r = check_trusted_directory(directories.domains, diag);
	if (r == 0)
		r = check_trusted_directory(config->state_directory, diag);
	if (r == 0)
		r = check_trusted_directory(directories.ports, diag);
	if (r < 0)
		return r;
	*ret = (struct state_directories){.domains = TAKE_PTR(directories.domains),
					  .ports = TAKE_PTR(directories.ports)};
	return 0;
}

void free_state_directories(struct state_directories *directories)
{
	free(directories->domains);
	free(directories->ports);
	*directories = (struct state_directories){0};
}

static const char *directory_of(const struct enforcer *enforcer, const struct domain *domain)
{
	return is_port_domain(domain) ? enforcer->directories.ports : enforcer->directories.domains;
}

static json_t *describe_ports(const struct managed_domain *managed)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < managed->port_count; i++) {
		const struct managed_port *port = &managed->ports[i];
		char mac[MAC_TEXT_BYTES];

		if (port->ifindex)
			json_array_append_new(ports, json_pack("{s:s, s:o, s:I}", "mac",
							       format_mac(port->mac, mac), "device",
							       json_text(port->device), "ifindex",
							       (json_int_t)port->ifindex));
	}
	return ports;
}

static json_t *describe_moved(const struct managed_domain *managed)
{
	json_t *devices = managed->moved_count ? json_array() : NULL;

	for (size_t i = 0; i < managed->moved_count; i++) {
		const struct moved_device *moved = &managed->moved[i];
		char mac[MAC_TEXT_BYTES];

		json_array_append_new(devices, json_pack("{s:s, s:o, s:I}", "mac",
							 format_mac(moved->mac, mac), "device",
							 json_text(moved->device), "ifindex",
							 (json_int_t)moved->ifindex));
	}
	return devices;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3; /* FNV-1a */
	return hash;
}

/* The metadata whose policy is in force, where the description says something else. */
static const char *former_policy(const struct managed_domain *managed)
{
	const char *asked = managed->domain->metadata;

	if (!managed->policy_text || (asked && strcmp(asked, managed->policy_text) == 0))
		return NULL;
	return managed->policy_text;
}

/* Of all that describe_ports() and write_saved_domain() write of a domain. */
static uint64_t fingerprint(const struct managed_domain *managed)
{
	const char *policy = former_policy(managed);
	uint64_t hash = mix(0xcbf29ce484222325, managed->xml, strlen(managed->xml) + 1);

	if (managed->unread_xml)
		hash = mix(hash, managed->unread_xml, strlen(managed->unread_xml) + 1);
	if (policy)
		hash = mix(hash, policy, strlen(policy) + 1);
	if (managed->clone)
		hash = mix(hash, managed->clone->xml, strlen(managed->clone->xml) + 1);
	hash = mix(hash, &managed->detached, sizeof(managed->detached));
	/* A moved device has the same fields as the port that it was. */
	hash = mix(hash, &managed->port_count, sizeof(managed->port_count));
	for (size_t i = 0; i < managed->port_count; i++) {
		const struct managed_port *port = &managed->ports[i];

		hash = mix(hash, &port->ifindex, sizeof(port->ifindex));
		hash = mix(hash, port->mac, sizeof(port->mac));
		hash = mix(hash, port->device, strlen(port->device) + 1);
	}
	for (size_t i = 0; i < managed->moved_count; i++) {
		const struct moved_device *moved = &managed->moved[i];

		hash = mix(hash, &moved->ifindex, sizeof(moved->ifindex));
		hash = mix(hash, moved->mac, sizeof(moved->mac));
		hash = mix(hash, moved->device, strlen(moved->device) + 1);
	}
	return hash;
}

int write_saved_domain(const struct enforcer *enforcer, struct managed_domain *managed,
		       struct diag *diag)
{
	const char *directory = directory_of(enforcer, managed->domain);
	_cleanup_(clear_diag) struct diag why = {0};
	uint64_t content = fingerprint(managed);
	unsigned long failures;
	json_t *state;
	int r;

	/* Most changes of a domain are of its policy, which is not saved: a reload would write as
	 * many files as there are domains. */
	if (managed->saved == content && has_state_file(directory, managed->domain->uuid))
		return 0;
	failures = count_json_failures();
	state = json_pack("{s:i, s:s, s:s, s:o*, s:s*, s:s*, s:b, s:o*, s:o}", "version",
			  STATE_VERSION, "name", managed->domain->name, "xml", managed->xml,
			  "unread", managed->unread_xml ? json_text(managed->unread_xml) : NULL,
			  "clone", managed->clone ? managed->clone->xml : NULL, "in_force",
			  former_policy(managed), "detached", managed->detached, "moved",
			  describe_moved(managed), "ports", describe_ports(managed));
	r = state && count_json_failures() == failures
		    ? write_state_file(directory, managed->domain->uuid, state, &why)
		    : fail_memory(&why, NULL);
	managed->saved = r < 0 ? 0 : content;
	json_decref(state);
	return r < 0 ? fail(diag, -r, NULL, 0, "the state file of %s cannot be written: %s",
			    managed->domain->name, diag_message(&why))
		     : 0;
}

void save_domain(const struct enforcer *enforcer, struct managed_domain *managed)
{
	_cleanup_(clear_diag) struct diag diag = {0};

	/* Of what could never be read libvirt tells again. */
	if (managed->xml && write_saved_domain(enforcer, managed, &diag) < 0)
		log_error(managed->domain->name, "%s", diag_message(&diag));
}

/* When names were last made or removed there; zero: there is no such directory. */
static struct timespec time_of(const char *directory)
{
	struct stat status;

	return stat(directory, &status) < 0 ? (struct timespec){0} : status.st_mtim;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void restore_saved_domains(struct enforcer *enforcer)
{
	if (is_same_time(enforcer->directories.domain_time,
			 time_of(enforcer->directories.domains)) &&
	    is_same_time(enforcer->directories.port_time, time_of(enforcer->directories.ports)))
		return;
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (m->saved && !has_state_file(directory_of(enforcer, m->domain), m->domain->uuid))
			save_domain(enforcer, m);
	}
	enforcer->directories.domain_time = time_of(enforcer->directories.domains);
	enforcer->directories.port_time = time_of(enforcer->directories.ports);
}

static void remove_state(const char *directory, const char *uuid)
{
	int r = remove_state_file(directory, uuid);

	if (r < 0)
		log_error(NULL, "%s: the state file of %s cannot be removed: %s", directory, uuid,
			  strerror(-r));
}

void remove_saved_domain(const struct enforcer *enforcer, const char *uuid)
{
	remove_state(enforcer->directories.domains, uuid);
	remove_state(enforcer->directories.ports, uuid);
}

static int read_port(json_t *state, struct managed_port *ret)
{
	const char *mac = json_string_value(json_object_get(state, "mac"));
	const char *device = json_string_value(json_object_get(state, "device"));
	json_int_t ifindex = json_integer_value(json_object_get(state, "ifindex"));

	if (!mac || !parse_mac(mac, ret->mac) || !device || strlen(device) >= sizeof(ret->device) ||
	    ifindex <= 0 || ifindex > INT32_MAX)
		return -EBADMSG;
	memcpy(ret->device, device, strlen(device) + 1);
	ret->ifindex = (unsigned int)ifindex;
	return 0;
}

static int read_ports(json_t *ports, struct saved_domain *saved)
{
	json_t *port;
	size_t i;

	saved->ports = calloc(json_array_size(ports) + 1, sizeof(*saved->ports));
	if (!saved->ports)
		return -ENOMEM;
	json_array_foreach(ports, i, port)
	{
		int r = read_port(port, &saved->ports[i]);

		if (r < 0)
			return r;
		saved->port_count++;
	}
	return 0;
}

/* It need not be there. */
static int read_moved(json_t *devices, struct saved_domain *saved)
{
	json_t *device;
	size_t i;

	saved->moved = calloc(json_array_size(devices) + 1, sizeof(*saved->moved));
	if (!saved->moved)
		return -ENOMEM;
	json_array_foreach(devices, i, device)
	{
		struct moved_device *moved = &saved->moved[i];
		struct managed_port port = {0};
		int r = read_port(device, &port);

		if (r < 0)
			return r;
		memcpy(moved->mac, port.mac, MAC_BYTES);
		memcpy(moved->device, port.device, sizeof(moved->device));
		moved->ifindex = port.ifindex;
		saved->moved_count++;
	}
	return 0;
}

/* A text that need not be there. */
static int copy_text(const json_t *state, const char *name, char **ret)
{
	const char *text = json_string_value(json_object_get(state, name));

	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static int read_state(json_t *state, struct saved_domain *saved)
{
	const char *xml = json_string_value(json_object_get(state, "xml"));
	json_t *ports = json_object_get(state, "ports");
	int r;

	if (json_integer_value(json_object_get(state, "version")) != STATE_VERSION || !xml ||
	    !json_is_array(ports))
		return -EBADMSG;
	saved->detached = json_is_true(json_object_get(state, "detached"));
	saved->xml = strdup(xml);
	if (!saved->xml || copy_text(state, "unread", &saved->unread_xml) < 0 ||
	    copy_text(state, "clone", &saved->clone_xml) < 0 ||
	    copy_text(state, "in_force", &saved->policy_text) < 0)
		return -ENOMEM;
	r = read_moved(json_object_get(state, "moved"), saved);
	if (r < 0)
		return r;
	return read_ports(ports, saved);
}

/* ---- loading -------------------------------------------------------------------------------- */

struct loading {
	struct enforcer *enforcer;
	bool of_ports; /* it is the directory of port domains */
	int (*visit)(struct enforcer *enforcer, struct saved_domain *saved, struct diag *diag);
};

/* A copy, or a file that was renamed, would make a second domain of one, or bring back one that is
 * over. */
static int check_place(const struct loading *loading, const struct state_file *file,
		       const struct domain *domain, struct diag *diag)
{
	if (strcmp(domain->uuid, file->name) != 0)
		return fail(diag, EBADMSG, NULL, 0,
			    "it describes domain %s with UUID %s (expected the UUID that is the "
			    "file's name)",
			    domain->name, domain->uuid);
	if (is_port_domain(domain) != loading->of_ports)
		return fail(diag, EBADMSG, NULL, 0, "it describes %s (expected %s)",
			    loading->of_ports ? "a domain of libvirt's" : "a port domain",
			    loading->of_ports ? "a port domain" : "a domain of libvirt's");
	return 0;
}

static int visit_saved(const struct loading *loading, const struct state_file *file,
		       struct diag *diag)
{
	struct saved_domain saved = {0};
	int r;

	if (!file->state)
		return fail(diag, -file->error, NULL, 0, "%s", file->problem);
	r = read_state(file->state, &saved);
	if (r < 0)
		fail(diag, -r, NULL, 0,
		     r == -ENOMEM ? "out of memory" : "it is not a state file of this version");
	if (r == 0)
		r = parse_domain(saved.xml, strlen(saved.xml), &saved.domain, diag);
	if (r == 0)
		r = check_place(loading, file, saved.domain, diag);
	if (r == 0)
		r = loading->visit(loading->enforcer, &saved, diag);
	free_domain(&saved.domain);
	free(saved.xml);
	free(saved.unread_xml);
	free(saved.clone_xml);
	free(saved.policy_text);
	free(saved.ports);
	free(saved.moved);
	return r;
}

static void note_bad_file(struct enforcer *enforcer, const char *path, const char *why)
{
	set_file_problem(&enforcer->problems, path,
			 "this state file cannot be used: %s; devices of its domain keep their "
			 "filter or stay closed; remove the file when you no longer need it",
			 why);
}

/* One whose state is bad must not be lost with the next that is written. */
static void set_aside(struct enforcer *enforcer, const char *path, const char *why)
{
	_cleanup_free_ char *bad_path = NULL;
	int r = set_aside_state_file(path, &bad_path);

	if (r < 0)
		log_error(NULL, "%s: %s; the file cannot be renamed: %s", path, why, strerror(-r));
	else
		log_error(NULL, "%s: %s; the file is renamed to %s", path, why, bad_path);
	note_bad_file(enforcer, bad_path ? bad_path : path, why);
}

/* Whether an error says nothing of the file's content: the next daemon may read it. */
static bool may_be_good(int error)
{
	return error == -ENOMEM || error == -EIO || error == -EMFILE || error == -ENFILE;
}

static void load_state(const struct state_file *file, void *context)
{
	const struct loading *loading = context;
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = visit_saved(loading, file, &diag);
	const char *why;

	if (r == 0)
		return;
	why = diag_message(&diag);
	if (may_be_good(r))
		note_bad_file(loading->enforcer, file->path, why);
	else
		set_aside(loading->enforcer, file->path, why);
}

static void note_earlier(const char *path, void *context)
{
	note_bad_file(context, path, "an earlier vmseg-hostd renamed it and logged the reason");
}

static void load_directory(const char *directory, struct loading *loading)
{
	int r = for_each_state_file(directory, load_state, loading);

	if (r < 0)
		set_file_problem(&loading->enforcer->problems, directory,
				 "some state files cannot be read: %s; devices keep their filter "
				 "or stay closed; correct the cause, then restart vmseg-hostd",
				 strerror(-r));
}

void load_saved_domains(struct enforcer *enforcer,
			int (*visit)(struct enforcer *enforcer, struct saved_domain *saved,
				     struct diag *diag))
{
	struct loading loading = {enforcer, false, visit};

	for_each_bad_state_file(enforcer->directories.domains, note_earlier, enforcer);
	for_each_bad_state_file(enforcer->directories.ports, note_earlier, enforcer);
	load_directory(enforcer->directories.domains, &loading);
	loading.of_ports = true;
	load_directory(enforcer->directories.ports, &loading);
}

struct bad_state {
	const struct enforcer *enforcer;
	bool found;
};

static void note_bad_port(const char *path, void *context)
{
	struct bad_state *bad = context;

	(void)path;
	bad->found = true;
}

/* Of a domain that libvirt has told of since, nothing is missing. */
static void note_bad_domain(const char *path, void *context)
{
	struct bad_state *bad = context;
	const char *name = strrchr(path, '/');
	char uuid[sizeof(((struct domain *)0)->uuid)];

	snprintf(uuid, sizeof(uuid), "%s", name ? name + 1 : path);
	bad->found = bad->found || !find_managed(bad->enforcer, uuid);
}

bool has_bad_state(const struct enforcer *enforcer)
{
	struct bad_state bad = {.enforcer = enforcer};

	for_each_bad_state_file(enforcer->directories.ports, note_bad_port, &bad);
	for_each_bad_state_file(enforcer->directories.domains, note_bad_domain, &bad);
	return bad.found;
}
