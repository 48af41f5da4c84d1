/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tap's queue, by its length: the kernel drops what does not fit any more (tun_queue_resize() in
 * drivers/net/tun.c, tap_queue_resize() in drivers/net/tap.c).
 */
#include "hostd/datapath/attachment/queue.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"

/* Of a new tap: DEFAULT_TX_QUEUE_LEN in net/core/dev.c, as ether_setup() sets it. */
#define USUAL_LENGTH 1000

static int open_socket(const char *device, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*request = (struct ifreq){0};
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", device);
	return fd < 0 ? -errno : fd;
}

int empty_queue(const char *device)
{
	struct ifreq request;
	_cleanup_close_ int fd = open_socket(device, &request);
	int length;

	if (fd < 0)
		return fd;
	if (ioctl(fd, SIOCGIFTXQLEN, &request) < 0)
		return -errno;
	length = request.ifr_qlen;
	if (length == 0)
		return 0;
	request.ifr_qlen = 0;
	if (ioctl(fd, SIOCSIFTXQLEN, &request) < 0)
		return -errno;
	request.ifr_qlen = length;
	return ioctl(fd, SIOCSIFTXQLEN, &request) < 0 ? -errno : 0;
}

/* As the driver calls itself; of a macvtap it would be the lower device's. */
static bool is_tap(int fd, struct ifreq *request)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	request->ifr_data = (void *)&info;
	return ioctl(fd, SIOCETHTOOL, request) == 0 && strcmp(info.driver, "tun") == 0;
}

void restore_queue(const char *device)
{
	struct ifreq request;
	_cleanup_close_ int fd = open_socket(device, &request);

	if (fd < 0 || ioctl(fd, SIOCGIFTXQLEN, &request) < 0 || request.ifr_qlen != 0 ||
	    !is_tap(fd, &request))
		return;
	request.ifr_qlen = USUAL_LENGTH;
	if (ioctl(fd, SIOCSIFTXQLEN, &request) < 0)
		return; /* it has gone */
}
