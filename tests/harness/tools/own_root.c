// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * own_root COMMAND...: runs a command in a mount namespace of its own whose root is a mount point
 * and from which no mount is seen outside. unshare --mount does that, too, but not in a chroot
 * whose root is a plain directory: the mount that this directory lies on cannot be named there, so
 * it cannot be made private. Here it is reached from the namespace's real root.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Goes up until ".." changes nothing, which is the case at a root only. */
static void climb_to_root(void)
{
	struct stat here, above;

	do {
		if (stat(".", &here) < 0 || chdir("..") < 0 || stat(".", &above) < 0)
			err(125, "the real root");
	} while (here.st_dev != above.st_dev || here.st_ino != above.st_ino);
}

/*
 * Makes the mount namespace's real root this process's root; the working directory is then what the
 * root was before. A process whose working directory is not below its root is not held by it.
 */
static void leave_chroot(void)
{
	char inner[] = "/tmp/own_root.XXXXXX";
	int old_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int inner_parent = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (old_root < 0 || inner_parent < 0 || !mkdtemp(inner))
		err(125, "%s", inner);
	if (chroot(inner) < 0 || fchdir(old_root) < 0)
		err(125, "chroot");
	climb_to_root();
	if (chroot(".") < 0 ||
	    unlinkat(inner_parent, inner + sizeof("/tmp/") - 1, AT_REMOVEDIR) < 0 ||
	    fchdir(old_root) < 0)
		err(125, "chroot");
	close(inner_parent);
	close(old_root);
}

int main(int count, char **arguments)
{
	char working[PATH_MAX], root[PATH_MAX];

	if (count < 2)
		errx(125, "usage: own_root COMMAND...");
	if (!getcwd(working, sizeof(working)) || unshare(CLONE_NEWNS) < 0)
		err(125, "a mount namespace");
	leave_chroot();
	if (!getcwd(root, sizeof(root)) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		err(125, "private mounts");
	if (chdir(root) < 0 || chroot(".") < 0 || chdir(working) < 0)
		err(125, "%s", root);
	execvp(arguments[1], arguments + 1);
	err(127, "%s", arguments[1]);
}
