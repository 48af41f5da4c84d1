/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The asking side of the control protocol: shared by the vmseg command and the libvirt hook.
 */
#ifndef VMSEG_CONTROL_CLIENT_H
#define VMSEG_CONTROL_CLIENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "hostd/base/diag.h"
#include "hostd/base/heartbeat.h"

/* How long a client waits. A daemon that is stopped does not answer, and has a socket that takes
 * requests all the same: the heartbeat beside the socket (base/heartbeat.h) tells. */
struct patience {
	unsigned timeout; /* seconds from connect to reply */
	uint64_t silence; /* microseconds without a sign of life; 0: CONTROL_SILENCE_USEC */
};

#define CONTROL_SILENCE_USEC (3 * USEC_PER_SEC)

struct control_client {
	int fd;
	const char *path; /* borrowed, for messages */
	struct patience patience;
	char *heartbeat; /* path of the file; NULL: none can be */
	struct heartbeat_watch watch;
	uint64_t deadline; /* monotonic_usec(); 0: none */
	char *buffer;      /* what came in and is not yet a whole line */
	size_t used, size;
};

/* Every failure to reach the daemon or to hear from it in time is -EHOSTUNREACH; an answer that is
 * no answer is -EBADMSG; a refusal by the daemon is -EREMOTEIO with the daemon's own words. */

/* All in one: asks `method` with `params` (borrowed; NULL: none) and waits for the reply as
 * long as `patience` says. *ret_result belongs to the caller. */
int call_control(const char *path, const char *method, json_t *params,
		 const struct patience *patience, json_t **ret_result, struct diag *diag);

/* The same in steps, for replies that are followed by more lines. */
int connect_control(const char *path, const struct patience *patience, struct control_client *ret,
		    struct diag *diag);
int send_request(struct control_client *client, const char *method, json_t *params,
		 struct diag *diag);
int read_reply(struct control_client *client, json_t **ret_result, struct diag *diag);

/* Waits without limit for the next line of a stream. -ENODATA at its end. */
int read_stream(struct control_client *client, json_t **ret_object, struct diag *diag);

void close_control(struct control_client *client);

#endif
