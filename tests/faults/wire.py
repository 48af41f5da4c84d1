# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests as network namespaces behind a bridge, and what reaches them.

What does not arrive is known without waiting: after the frames that are asked about, one goes through
a port that nobody filters. All are sent from one CPU, whose queue keeps their order (netif_rx), so when
that one has arrived the others have, or never will.
"""
import ctypes
import os
import socket
import struct
import subprocess
import time

ETH_P_ALL = 3
BRIDGE, HOST = "br0", "10.0.0.1"
PATIENCE = 60  # seconds for what must come
libc = ctypes.CDLL(None, use_errno=True)


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def packet_socket(device, namespace=None):
    """Receives all frames of a device, in a network namespace by name."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if namespace:
            enter_namespace(f"/run/netns/{namespace}")
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.bind((device, ETH_P_ALL))
        sock.setblocking(False)
        return sock
    finally:
        enter_namespace(f"/proc/self/fd/{here}")
        os.close(here)


def enter_namespace(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    if libc.setns(fd, 0) < 0:
        raise OSError(ctypes.get_errno(), path)
    os.close(fd)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def udp_frame(destination, source, to_ip, from_ip, to_port, from_port, mark):
    payload = b"vmseg-fault " + mark
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0,
                         socket.inet_aton(from_ip), socket.inet_aton(to_ip))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    udp = struct.pack("!HHHH", from_port, to_port, 8 + len(payload), 0)
    return mac_bytes(destination) + mac_bytes(source) + b"\x08\x00" + header + udp + payload


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


class Guest:
    """A namespace with one NIC behind `device`, MAC and address by number."""

    def __init__(self, name, device, number):
        self.name, self.device, self.number = name, device, number
        self.mac, self.ip = f"52:54:00:00:00:{number}", f"10.0.0.{number}"
        run("ip", "netns", "add", name)
        self.socket = None
        self.plug()

    def plug(self):
        run("ip", "link", "add", self.device, "type", "veth", "peer", "name", "eth0", "netns",
            self.name, "address", self.mac)
        run("ip", "link", "set", self.device, "master", BRIDGE, "up")
        run("ip", "-netns", self.name, "link", "set", "eth0", "up")
        self.socket = packet_socket("eth0", self.name)

    def unplug(self):
        self.socket.close()
        run("ip", "link", "del", self.device)


class Wire:
    """The bridge, with a guest that nobody filters."""

    def __init__(self):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        self.mac = "52:54:00:00:00:01"
        run("ip", "link", "add", BRIDGE, "address", self.mac, "type", "bridge", "forward_delay", "0")
        run("ip", "address", "add", f"{HOST}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        self.socket = packet_socket(BRIDGE)
        self.reference = Guest("reference", "ref0", 99)
        self.number = 0

    def _new_mark(self):
        self.number += 1
        return b"%08d" % self.number

    def _from_port(self):
        return 20000 + self.number % 40000

    def _into(self, guest, port):
        mark = self._new_mark()
        self.socket.send(udp_frame(guest.mac, self.mac, guest.ip, HOST, port, self._from_port(), mark))
        return mark

    def _out_of(self, guest, source):
        mark = self._new_mark()
        guest.socket.send(udp_frame(self.mac, guest.mac, HOST, source, 53, self._from_port(), mark))
        return mark

    @staticmethod
    def _read(sock, seen):
        try:
            while True:
                frame, address = sock.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING and b"vmseg-fault " in frame:
                    seen.add(frame.split(b"vmseg-fault ")[1][:8])
        except BlockingIOError:
            pass

    def _await(self, sock, mark, seen):
        deadline = time.monotonic() + PATIENCE
        while mark not in seen:
            self._read(sock, seen)
            if time.monotonic() > deadline:
                raise TimeoutError("the unfiltered port passes nothing")

    def into(self, guest, ports):
        """The UDP ports among these of which the guest sees what the host sends."""
        marks = {self._into(guest, port): port for port in ports}
        seen, reference = set(), set()
        self._await(self.reference.socket, self._into(self.reference, 1), reference)
        self._read(guest.socket, seen)
        return {port for mark, port in marks.items() if mark in seen}

    def out_of(self, guest):
        """What the host sees of what the guest sends: "honest", "forged"."""
        marks = {self._out_of(guest, guest.ip): "honest", self._out_of(guest, "10.0.0.98"): "forged"}
        seen = set()
        self._await(self.socket, self._out_of(self.reference, self.reference.ip), seen)
        return {name for mark, name in marks.items() if mark in seen}
