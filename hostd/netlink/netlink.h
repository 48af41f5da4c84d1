/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talking to the kernel by rtnetlink (RFC 3549; net/netlink/af_netlink.c). Any process with
 * CAP_NET_ADMIN can send to any netlink socket: what does not come from the kernel is dropped, and
 * no length is believed.
 */
#ifndef VMSEG_NETLINK_H
#define VMSEG_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads one datagram. Returns its bytes; 0: it was not the kernel's, and is dropped; or -errno:
 * -EAGAIN nothing is there, -ENOBUFS the kernel had more to tell than the socket could keep,
 * -EMSGSIZE the datagram is larger than the buffer. */
ssize_t receive_from_kernel(int fd, void *buffer, size_t size);

/* Calls visit for each message of a datagram, until it does not return 0, which is then returned. A
 * message that does not fit into what is left ends the datagram: -EBADMSG. */
int for_each_netlink_message(const void *buffer, size_t size,
			     int (*visit)(const struct nlmsghdr *header, void *context),
			     void *context);

/* Sends a request on a new socket and calls visit for each message of the answer. The answer ends
 * with an acknowledgment, with the end of a dump, or, for a request with neither NLM_F_ACK nor
 * NLM_F_DUMP, with its first message. Returns 0 or -errno: the kernel's error or that of the
 * socket. */
int ask_kernel(struct nlmsghdr *request,
	       void (*visit)(const struct nlmsghdr *header, void *context), void *context);

#endif
