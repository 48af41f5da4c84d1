/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the traffic clients share: an address and a port from the command line.
 */
#ifndef VMSEG_ENDPOINT_H
#define VMSEG_ENDPOINT_H

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct endpoint {
	struct sockaddr_storage address;
	socklen_t size;
};

/* Ends the program when the text is not an address. */
static inline struct endpoint parse_endpoint(const char *address, const char *port)
{
	struct endpoint endpoint = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint.address;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
		endpoint.size = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
		endpoint.size = sizeof(*v6);
	} else {
		errx(2, "%s is not an address", address);
	}
	return endpoint;
}

#endif
