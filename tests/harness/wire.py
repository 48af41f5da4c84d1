#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames on the wire, below any stack.

  send INTERFACE FILE           sends the frames of a pcap file, and prints how many
  watch INTERFACE MARK          prints a line for each frame received that contains MARK: the name
                                that follows MARK up to a blank, and the frame's first bytes
  numbers INTERFACE PORT 4|6    prints sequence and acknowledgment number of the next TCP segment
                                received that comes from PORT; none for 30 seconds is an error
  datagram INTERFACE MAC MAC FROM:PORT TO:PORT [VLAN...]
                                sends an empty UDP datagram between IPv4 addresses and MACs, with a
                                tag for each VLAN, the outer one first
"""
import socket
import struct
import sys
import time

ETH_P_ALL = 3
ETH_P_8021Q = 0x8100
SO_RCVBUFFORCE = 33
NUMBERS_SECONDS = 30


def read_pcap(path):
    """Frames of a pcap file (https://www.tcpdump.org/manpages/pcap-savefile.5.html)."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    offset = 24
    while offset < len(data):
        size = struct.unpack_from(order + "I", data, offset + 8)[0]
        yield data[offset + 16:offset + 16 + size]
        offset += 16 + size


def send(interface, path):
    count = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        for frame in read_pcap(path):
            sock.send(frame)
            count += 1
    print(count)


def watch(interface, mark):
    mark = mark.encode()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sock.bind((interface, ETH_P_ALL))
        print("watching", flush=True)
        while True:
            frame, (_, _, kind, _, _) = sock.recvfrom(65536)
            if kind == socket.PACKET_OUTGOING or mark not in frame:
                continue
            name = frame.split(mark, 1)[1].split(b" ")[0]
            print(name.decode("ascii", "replace"), frame[:80].hex(), flush=True)


def numbers(interface, port, family):
    ethertype, protocol_at, transport = (0x0800, 23, 34) if family == "4" else (0x86dd, 20, 54)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sock:
        sock.bind((interface, ETH_P_ALL))
        deadline = time.monotonic() + NUMBERS_SECONDS
        while time.monotonic() < deadline:
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                frame, (_, _, kind, _, _) = sock.recvfrom(65536)
            except TimeoutError:
                break
            if kind == socket.PACKET_OUTGOING or len(frame) < transport + 20 or \
                    frame[12:14] != ethertype.to_bytes(2, "big") or frame[protocol_at] != 6:
                continue
            source, _, sequence, ack = struct.unpack_from("!HHII", frame, transport)
            if source == int(port):
                print(sequence, ack)
                return
    sys.exit(f"no TCP segment from port {port} within {NUMBERS_SECONDS} seconds")


def datagram(interface, source_mac, target_mac, source, target, *vlans):
    (source, source_port), (target, target_port) = source.split(":"), target.split(":")
    udp = struct.pack("!HHHH", int(source_port), int(target_port), 8, 0)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, socket.IPPROTO_UDP, 0) + \
        socket.inet_aton(source) + socket.inet_aton(target)
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", ~total & 0xffff) + ip[12:]
    tags = b"".join(struct.pack("!HH", ETH_P_8021Q, int(vlan)) for vlan in vlans)
    macs = bytes.fromhex((target_mac + source_mac).replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        sock.send(macs + tags + b"\x08\x00" + ip + udp)


if __name__ == "__main__":
    {"send": send, "watch": watch, "numbers": numbers, "datagram": datagram}[sys.argv[1]](*sys.argv[2:])
