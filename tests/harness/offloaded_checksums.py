#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""offloaded_checksums.py SENDER RECEIVER SENDER_MAC RECEIVER_MAC: packets whose checksum is left to
the receiver's device, by the header of virtio-net (VIRTIO 1.2, 5.1.6.2).

SENDER and RECEIVER are taps; the sender's has that header. It says "open" when both are open,
reads a line from standard input, and sends each packet of CASES. For each it prints the case and
what arrived: the address of the sender and the destination port, or "nothing".

The sum of bytes behind `start` can be any number, because the sender chooses the bytes. So the
sender chooses what is written at start + offset, too.
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
NEEDS_CHECKSUM = 1

ETHERNET, IPV4, IPV6 = 14, 20, 40
OWN4, FORGED4, TO4 = (socket.inet_aton(f"10.0.0.{i}") for i in (21, 99, 22))
OWN6, FORGED6, TO6 = (socket.inet_pton(socket.AF_INET6, f"fd00::{i}") for i in (21, 99, 22))
ALLOWED, DENIED = 80, 22


def open_tap(name, flags):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return tap


def ones_complement_sum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def ipv4(source, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, IPV4 + len(payload), 1, 0, 64, protocol, 0,
                         source, TO4)
    checksum = struct.pack("!H", ~ones_complement_sum(header) & 0xffff)
    return b"\x08\x00" + header[:10] + checksum + header[12:] + payload


def ipv6(source, protocol, payload):
    header = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, source, TO6)
    return b"\x86\xdd" + header + payload


def udp(port, payload=b"x" * 20):
    return struct.pack("!HHHH", 1000, port, 8 + len(payload), 0) + payload


def syn(port):
    return struct.pack("!HHIIHHHH", 1001, port, 1, 0, 0x5002, 0xffff, 0, 0)


def arp(sender, mac):
    return b"\x08\x06" + struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, sender, bytes(6),
                                     TO4)


def with_sum(frame, start, wanted, free):
    """The frame, so that the checksum from `start` on is `wanted`; changes the 16 bits at `free`."""
    cleared = frame[:free] + bytes(2) + frame[free + 2:]
    missing = ((~wanted & 0xffff) - ones_complement_sum(cleared[start:])) % 0xffff
    return frame[:free] + struct.pack("!H", missing) + frame[free + 2:]


def cases(ethernet, mac):
    """Name, frame, and where the checksum begins and is written from there, or None."""
    udp4, tcp4, udp6 = ETHERNET + IPV4, ETHERNET + IPV4, ETHERNET + IPV6
    own4 = ethernet + ipv4(OWN4, socket.IPPROTO_UDP, udp(ALLOWED))
    own6 = ethernet + ipv6(OWN6, socket.IPPROTO_UDP, udp(ALLOWED))
    yield "udp4", own4, None
    yield "udp6", own6, None
    yield "udp4-denied", ethernet + ipv4(OWN4, socket.IPPROTO_UDP, udp(DENIED)), None
    yield "udp4-forged", ethernet + ipv4(FORGED4, socket.IPPROTO_UDP, udp(ALLOWED)), None
    yield "udp4-own-checksum", own4, (udp4, 6)
    yield "udp6-own-checksum", own6, (udp6, 6)
    yield "tcp4-own-checksum", ethernet + ipv4(OWN4, socket.IPPROTO_TCP, syn(ALLOWED)), (tcp4, 16)
    yield "udp4-in-payload", own4, (udp4 + 8, 4)
    yield "udp4-port", with_sum(own4, udp4, DENIED, udp4 + 12), (udp4, 2)
    yield "udp6-port", with_sum(own6, udp6, DENIED, udp6 + 12), (udp6, 2)
    yield "tcp4-port", with_sum(ethernet + ipv4(OWN4, socket.IPPROTO_TCP, syn(ALLOWED)), tcp4,
                                DENIED, tcp4 + 18), (tcp4, 2)
    yield "udp6-address", with_sum(own6, 20, 0x99, udp6 + 12), (20, 16)
    yield "arp", ethernet + arp(OWN4, mac), None
    yield "arp-address", ethernet + arp(OWN4, mac) + bytes(18), (22, 8)


def describe(frame):
    kind = frame[12:14]
    if kind == b"\x08\x06":
        return socket.inet_ntoa(frame[28:32])
    if kind == b"\x08\x00":
        source, port = socket.inet_ntoa(frame[26:30]), frame[36:38]
    else:
        source, port = socket.inet_ntop(socket.AF_INET6, frame[22:38]), frame[56:58]
    return f"{source} {struct.unpack('!H', port)[0]}"


def receive(tap, sender_mac):
    """What arrives of the sender's within a second; devices themselves send, too."""
    while select.select([tap], [], [], 1)[0]:
        frame = os.read(tap, 2000)
        if frame[6:12] == sender_mac and frame[20] != socket.IPPROTO_ICMPV6:
            return describe(frame)
    return "nothing"


def main():
    sender = open_tap(sys.argv[1], IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    receiver = open_tap(sys.argv[2], IFF_TAP | IFF_NO_PI)
    source, target = (bytes.fromhex(mac.replace(":", "")) for mac in sys.argv[3:5])
    print("open", flush=True)
    sys.stdin.readline()
    for name, frame, place in cases(target + source, source):
        flags, (start, offset) = (NEEDS_CHECKSUM, place) if place else (0, (0, 0))
        os.write(sender, struct.pack("=BBHHHH", flags, 0, 0, 0, start, offset) + frame)
        print(name, receive(receiver, source), flush=True)


main()
