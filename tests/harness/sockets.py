#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Applications' side of the stack tests: ordinary sockets that do what programs do.

  echo PORT                     an echo server for any amount, one side not waiting for the other
  transfer ADDRESS PORT BYTES   sends so much to an echo server, and checks what comes back
  slow ADDRESS PORT LOCAL_PORT  the same a little at a time, until SIGTERM; then to the end
  idle ADDRESS PORT SECONDS     talks, is silent for so long, talks on
  lose SERVER ADDRESS PORT LOCAL_PORT
                                connects to the namespace SERVER; then both ends forget the connection
                                without a word, and it connects again from the same port
  churn-server PORT             ends connections as the client asks it to
  churn ADDRESS PORT COUNT      opens and ends COUNT connections, from 64 local ports only
  mdns-answer NAME              answers questions for NAME, as they ask: to the group or to the asker
  mdns-ask 4|6 NAME group|unicast|legacy
                                asks once and prints the sender of the answer

Each prints one line at the end and succeeds if all went well.
"""
import array
import ctypes
import errno
import fcntl
import itertools
import random
import select
import signal
import socket
import struct
import sys
import termios
import threading
import time

PATIENCE = 120  # seconds without any progress: the other side is gone


def connect(address, port, local_port=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(PATIENCE)
    if local_port:
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", int(local_port)))
    sock.connect((address, int(port)))
    return sock


def reconnect(address, port, local_port):
    """A connection from a port whose last one may not have had its last ACK yet."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(address, port, local_port)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def receive_exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError(f"closed after {len(data)} of {size} bytes")
        data += part
    return data


def listen(port):
    sock = socket.create_server(("::", int(port)), family=socket.AF_INET6, backlog=512,
                                dualstack_ipv6=True)
    print("listening", flush=True)
    return sock


def echo_all(sock):
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data)


def echo(port):
    listener = listen(port)
    while True:
        threading.Thread(target=echo_all, args=(listener.accept()[0],), daemon=True).start()


def transfer(address, port, size):
    sent = random.Random(1).randbytes(int(size))
    with connect(address, port) as sock:
        writer = threading.Thread(target=sock.sendall, args=(sent,))
        writer.start()
        received = receive_exactly(sock, len(sent))
        writer.join()
    if received != sent:
        raise ValueError("the echo differs from what was sent")
    print(f"transferred {len(sent)}")


def slow(address, port, local_port):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with connect(address, port, local_port) as sock:
        print("open", flush=True)
        for number in itertools.count():
            chunk = b"%012d" % number * 50
            sock.sendall(chunk)
            if receive_exactly(sock, len(chunk)) != chunk:
                raise ValueError(f"chunk {number} came back changed")
            if stop.wait(0.02):
                break
        sock.shutdown(socket.SHUT_WR)
        if sock.recv(1):
            raise ValueError("more came back than was sent")
    print(f"finished after {number + 1} chunks")


def idle(address, port, seconds):
    with connect(address, port) as sock:
        for text in (b"before", b"after!"):
            sock.sendall(text)
            if receive_exactly(sock, len(text)) != text:
                raise ValueError("the echo differs from what was sent")
            if text == b"before":
                time.sleep(float(seconds))
    print("still there")


def enter_namespace(namespace):
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
        raise OSError(ctypes.get_errno(), f"setns {namespace.name}")


def listen_in(name, address, port):
    """A listener in another network namespace."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open("/proc/self/ns/net") as own, open(f"/run/netns/{name}") as other:
        enter_namespace(other)
        listener = socket.create_server((address, int(port)), family=family)
        enter_namespace(own)
    listener.settimeout(PATIENCE)
    return listener


def exchange(one, other):
    for sender, receiver in ((one, other), (other, one)):
        sender.sendall(b"x")
        receive_exactly(receiver, 1)


def await_acknowledgment(sock):
    deadline = time.monotonic() + PATIENCE
    unacknowledged = array.array("i", [1])
    while unacknowledged[0]:
        if time.monotonic() > deadline:
            raise TimeoutError("data is not acknowledged")
        fcntl.ioctl(sock, termios.TIOCOUTQ, unacknowledged)


TCP_REPAIR = 19  # linux/tcp.h: a socket in this mode is closed without a segment


def lose(server, address, port, local_port):
    listener = listen_in(server, address, port)
    for _ in range(2):
        client = connect(address, port, local_port)
        accepted, _ = listener.accept()
        exchange(client, accepted)
        for sock in (client, accepted):
            await_acknowledgment(sock)
        for sock in (client, accepted):
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            sock.close()
    print("connected again")


def churn_server(port):
    listener = listen(port)
    while True:
        client, _ = listener.accept()
        client.settimeout(PATIENCE)
        with client:
            try:
                order = client.recv(1)
                client.sendall(order)
                if order == b"s":  # the server closes first
                    client.shutdown(socket.SHUT_WR)
                while client.recv(64):
                    pass
            except ConnectionResetError:
                pass


def churn(address, port, count):
    """Orders: the server closes first, or the client resets: either way no TIME_WAIT of its own
    keeps the client from using the local port for the next connection."""
    for number in range(int(count)):
        order = (b"s", b"r")[number % 2]
        with reconnect(address, port, 20000 + number // 2 % 64) as sock:
            sock.sendall(order)
            if receive_exactly(sock, 1) != order:
                raise ValueError("wrong answer")
            if order == b"s" and sock.recv(1):
                raise ValueError("the server does not close")
            if order == b"r":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    print(f"churned {count}")


MDNS_PORT = 5353
MDNS_GROUPS = {socket.AF_INET: "224.0.0.251", socket.AF_INET6: "ff02::fb"}


def mdns_socket(family, port):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    group = socket.inet_pton(family, MDNS_GROUPS[family])
    index = socket.if_nametoindex("eth0")
    if family == socket.AF_INET:
        request = group + struct.pack("@4si", b"\0\0\0\0", index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                        struct.pack("@4s4si", b"\0\0\0\0", b"\0\0\0\0", index))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@i", index))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    sock.bind(("", port))
    return sock


def encode_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def mdns_answer(name):
    """A records for NAME (RFC 6762): to the group, to the asker when it wants unicast (5.4), to
    whatever port a legacy asker uses (6.7)."""
    socks = {mdns_socket(family, MDNS_PORT): family for family in MDNS_GROUPS}
    print("listening", flush=True)
    while True:
        for sock in select.select(list(socks), [], [])[0]:
            query, sender = sock.recvfrom(9000)
            if encode_name(name) not in query or query[2] & 0x80:
                continue
            wants_unicast = struct.unpack("!H", query[-2:])[0] & 0x8000
            answer = query[:2] + struct.pack("!HHHHH", 0x8400, 0, 1, 0, 0) + encode_name(name) + \
                struct.pack("!HHIH4s", 1, 1, 120, 4, b"\x0a\0\0\x0c")
            if sender[1] == MDNS_PORT and not wants_unicast:
                sender = (MDNS_GROUPS[socks[sock]], MDNS_PORT)
            sock.sendto(answer, sender)


def mdns_ask(family_name, name, how):
    family = socket.AF_INET6 if family_name == "6" else socket.AF_INET
    sock = mdns_socket(family, 0 if how == "legacy" else MDNS_PORT)
    sock.settimeout(1)
    flags = 0x8001 if how == "unicast" else 1
    query = struct.pack("!HHHHHH", 0, 0, 1, 0, 0, 0) + encode_name(name) + \
        struct.pack("!HH", 1, flags)
    for _ in range(PATIENCE):
        sock.sendto(query, (MDNS_GROUPS[family], MDNS_PORT))
        try:
            answer, sender = sock.recvfrom(9000)
        except TimeoutError:
            continue
        if answer[2] & 0x80 and encode_name(name) in answer:
            print(f"answered by {sender[0].split('%')[0]}")
            return
    raise TimeoutError("no answer")


COMMANDS = {"echo": echo, "transfer": transfer, "slow": slow, "idle": idle, "lose": lose,
            "churn-server": churn_server, "churn": churn, "mdns-answer": mdns_answer, "mdns-ask": mdns_ask}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
