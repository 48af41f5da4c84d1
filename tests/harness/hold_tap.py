# SPDX-License-Identifier: GPL-2.0-or-later
"""hold_tap.py DEVICE [ARGUMENT...]: opens a tap, which is made if it is not there, and keeps it open
until its standard input ends. The other arguments are for others to read in /proc."""

import fcntl
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

with open("/dev/net/tun", "r+b", buffering=0) as tap:
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), IFF_TAP | IFF_NO_PI))
    sys.stdin.read()
