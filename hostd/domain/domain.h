/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libvirt domain as vmseg sees it.
 */
#ifndef VMSEG_DOMAIN_H
#define VMSEG_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"

enum interface_kind {
	INTERFACE_TAP,     /* bridge, network, ethernet: a device on the host, of any kind */
	INTERFACE_MACVTAP, /* type='direct': a macvtap that libvirt makes itself */
	INTERFACE_NONE,    /* user, hostdev, vhostuser...: nothing that TC can filter */
};

struct domain_interface {
	uint8_t mac[MAC_BYTES];
	enum interface_kind kind;
	char *type;   /* as in XML: "bridge", "network", "direct"...; a port domain's: "veth"... */
	char *target; /* host device name; NULL before libvirt has chosen one */
	/* The container's end of a veth by the name it has on the host, until it is moved away;
	 * NULL where libvirt does not say (guest@actual, driver lxc only). */
	char *guest_end;
	/* <bandwidth> that libvirt enforces by an ingress qdisc: what comes into the device, which
	 * is the guest's <outbound>, or of a macvtap its <inbound>. */
	bool polices;
	int line;
};

/* A network interface that the domain has, and that no program on the host's devices sees. */
struct unfilterable_nic {
	/* The <interface>'s type ("user", "hostdev", "vdpa"...); of others "pci", "usb", "mdev",
	 * "device" (of the host, given to a container), "host-network", "command-line". */
	char *kind;
	char *name;   /* "interface 52:54:00:00:00:01", "PCI device 0000:06:12.5"... */
	char *reason; /* what follows the name in a sentence: "is a network card that..." */
	int line;     /* in the domain XML */
};

/* The driver of a port domain: a device that libvirt does not manage (port_description.h). */
#define PORT_DRIVER "port"

struct domain {
	char *name;
	char uuid[37]; /* in lower case */
	char *driver;  /* "qemu", "lxc" or PORT_DRIVER: from the root element's type */
	struct domain_interface *interfaces;
	size_t interface_count;
	struct unfilterable_nic *unfilterable; /* interfaces of INTERFACE_NONE among them */
	size_t unfilterable_count;
	char *metadata; /* the <vmseg:domain> element as a document of its own; NULL: unmanaged, or
			 * metadata_problem says why it cannot be known */
	int metadata_line; /* its line in the domain XML */
	/* An element of <metadata> that was probably meant for vmseg, but cannot be used: one of a
	 * namespace like vmseg's, or a second one of vmseg's namespace. NULL: there is none. */
	char *metadata_problem;
	int metadata_problem_line;
};

/* A domain without further data. `driver` is "qemu" or "lxc". Returns 0, -EINVAL if uuid is not a
 * UUID or name is not a domain's name, or -ENOMEM. */
int new_domain(const char *name, const char *uuid, const char *driver, struct domain **ret);

/* -EINVAL with an error in diag where the domain has a metadata_problem, else 0. */
int check_metadata(const struct domain *domain, struct diag *diag);
void free_domain(struct domain **domain);

/* The first of its interfaces that has this address, or NULL. */
const struct domain_interface *find_nic(const struct domain *domain,
					const uint8_t mac[static MAC_BYTES]);

/* Whether there is one. */
bool has_nic(const struct domain *domain, const uint8_t mac[static MAC_BYTES]);

/* Whether one of its interfaces that TC can filter has this host device. */
bool names_device(const struct domain *domain, const char *device);

bool is_port_domain(const struct domain *domain);

/* Whether two descriptions of one UUID can be of one running domain: another libvirt may run a
 * domain of the same UUID. */
bool is_same_domain(const struct domain *a, const struct domain *b);

/* As long as a file's name may be (NAME_MAX): libvirt makes one of it. */
#define DOMAIN_NAME_MAX 255

/* Does libvirt take this name for a QEMU or LXC domain? */
bool is_domain_name(const char *text);

#endif
