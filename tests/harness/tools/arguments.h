/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools take from the command line: numbers, addresses. What is neither ends the program.
 */
#ifndef VMSEG_ARGUMENTS_H
#define VMSEG_ARGUMENTS_H

#include <arpa/inet.h>
#include <err.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static inline int parse_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || number < 0 || number > INT_MAX)
		errx(2, "%s is not a number", text);
	return (int)number;
}

struct endpoint {
	struct sockaddr_storage address;
	socklen_t size;
};

static inline struct endpoint parse_endpoint(const char *address, const char *port)
{
	struct endpoint endpoint = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint.address;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)parse_number(port));
		endpoint.size = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)parse_number(port));
		endpoint.size = sizeof(*v6);
	} else {
		errx(2, "%s is not an address", address);
	}
	return endpoint;
}

#endif
