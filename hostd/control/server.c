/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control sockets: accepts, checks who asks, and hands whole requests to the request table. A
 * client that is slow to write, slow to read or silent costs memory up to a bound and time up to
 * CLIENT_SECONDS, never the event loop.
 */
#include "hostd/control/server.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "hostd/base/cleanup.h"
#include "hostd/control/client_connection.h"
#include "hostd/control/protocol.h"
#include "hostd/control/server_state.h"

#define BACKLOG 64

static int prepare_socket(const struct control_listener *listener, int *ret, struct diag *diag)
{
	const char *path = listener->path;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (fd < 0)
		return fail(diag, errno, path, 0, "%s", strerror(errno));
	if (strlen(path) >= sizeof(address.sun_path))
		return fail(diag, ENAMETOOLONG, path, 0, "a socket's path has at most %zu bytes",
			    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* The daemon holds the lock of the directory: what is there was left by a dead one. */
	unlink(path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	umask(mask);
	if (r || chown(path, (uid_t)-1, listener->group) < 0 || chmod(path, listener->mode) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		r = r ? r : errno;
		return fail(diag, r, path, 0, "cannot listen: %s", strerror(r));
	}
	*ret = TAKE_FD(fd);
	return 0;
}

/* Who may use the read socket is the business of its file mode; the control socket also looks at
 * the peer, in case somebody has opened up the mode. */
static bool may_control(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static int accept_client(struct control_server *server, int listener, bool read_only)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return 0; /* gone again, or no descriptor left: the others are served */
	if (!read_only && !may_control(fd)) {
		close(fd);
		return 0;
	}
	add_control_client(server, fd, read_only);
	return 0;
}

static int accept_control(sd_event_source *source, int fd, uint32_t events, void *context)
{
	return accept_client(context, fd, false);
}

static int accept_read(sd_event_source *source, int fd, uint32_t events, void *context)
{
	return accept_client(context, fd, true);
}

/* Listens; in place of what the listener had, once that has succeeded. */
static int listen_anew(struct control_server *server, struct control_listener *listener,
		       struct diag *diag)
{
	sd_event_source *source = NULL;
	struct stat status;
	int fd = -1, r;

	r = prepare_socket(listener, &fd, diag);
	if (r < 0)
		return r;
	r = lstat(listener->path, &status) < 0 ? -errno : 0;
	if (r == 0)
		r = sd_event_add_io(server->event, &source, fd, EPOLLIN, listener->accept, server);
	if (r < 0) {
		close(fd);
		return fail(diag, -r, listener->path, 0, "cannot watch: %s", strerror(-r));
	}
	sd_event_source_set_io_fd_own(source, 1);
	sd_event_source_disable_unref(listener->source);
	listener->source = source;
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return 0;
}

static bool is_there(const struct control_listener *listener)
{
	struct stat status;

	return lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
	       status.st_ino == listener->inode;
}

static int open_listener(struct control_server *server, struct control_listener *listener,
			 const char *directory, const char *name, struct diag *diag)
{
	if (asprintf(&listener->path, "%s/%s", directory, name) < 0) {
		listener->path = NULL;
		return fail_memory(diag, directory);
	}
	return listen_anew(server, listener, diag);
}

static void close_listener(struct control_listener *listener)
{
	if (listener->source) {
		sd_event_source_disable_unref(listener->source);
		unlink(listener->path);
	}
	free(listener->path);
}

int new_control_server(sd_event *event, const struct method *methods, size_t method_count,
		       struct control_context *context, struct control_server **ret)
{
	struct control_server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->event = sd_event_ref(event);
	server->methods = methods;
	server->method_count = method_count;
	server->context = context;
	*ret = server;
	return 0;
}

/* The group's id, unchanged if there is no such group. Returns 0 or -errno. Only the file is asked:
 * a module of NSS would run with the daemon's rights, and NSS crashes in glibc 2.36 when an
 * allocation fails. */
static int find_group(const char *name, gid_t *ret)
{
	_cleanup_fclose_ FILE *stream = fopen("/etc/group", "re");
	const struct group *group;

	if (!stream && errno != ENOENT)
		return -errno;
	errno = 0;
	while (stream && (group = fgetgrent(stream))) {
		if (strcmp(group->gr_name, name) == 0) {
			*ret = group->gr_gid;
			return 0;
		}
		errno = 0;
	}
	return errno == ENOENT ? 0 : -errno;
}

int open_control_server(sd_event *event, const char *directory, const struct method *methods,
			size_t method_count, struct control_context *context,
			struct control_server **ret, struct diag *diag)
{
	_cleanup_(close_control_server) struct control_server *server = NULL;
	gid_t group = (gid_t)-1;
	int r = new_control_server(event, methods, method_count, context, &server);

	if (r < 0)
		return fail(diag, -r, directory, 0, "out of memory");
	r = find_group(CONTROL_GROUP, &group);
	if (r < 0)
		return fail(diag, -r, "/etc/group", 0, "%s", strerror(-r));
	server->control = (struct control_listener){
		.mode = 0600,
		.group = (gid_t)-1,
		.accept = accept_control,
	};
	server->read = (struct control_listener){
		.mode = group == (gid_t)-1 ? 0600 : 0660,
		.group = group,
		.accept = accept_read,
	};
	r = open_listener(server, &server->control, directory, "control.sock", diag);
	if (r == 0)
		r = open_listener(server, &server->read, directory, "read.sock", diag);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(server);
	return 0;
}

int restore_control_sockets(struct control_server *server, struct diag *diag)
{
	struct control_listener *const listeners[] = {&server->control, &server->read};
	int found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
		int r;

		if (is_there(listeners[i]))
			continue;
		r = listen_anew(server, listeners[i], diag);
		if (r < 0)
			return r;
		found = 1;
	}
	return found;
}

void close_control_server(struct control_server **server)
{
	if (!*server)
		return;
	close_connections(*server);
	close_listener(&(*server)->control);
	close_listener(&(*server)->read);
	sd_event_unref((*server)->event);
	free(*server);
	*server = NULL;
}
