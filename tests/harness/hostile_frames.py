#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hostile_frames.py DIRECTORY SEQUENCE4 ACK4 SEQUENCE6 ACK6: what a hostile guest sends (out), what
hostile neighbors send to a guest (in), and floods, a pcap file each: DIRECTORY/DIRECTION.NAME.pcap.

The numbers are those of a segment from peer in its IPv4 and its IPv6 connection with port 20000 of
the VM: the blind segments are far from them, and from each other.

On stdout one line per file: its kind (stopped, flood, honest), the direction, the name, the reason
that must be counted, and how many frames must be stopped for it. Those frames, and no others, carry MARK, and where there is room the name after it.
The addresses are those of tests/netns/stacks.sh.
"""
import sys

from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, LLC, SNAP, STP, TCP, UDP, Dot1AD, Dot1Q, Dot3,
                       Ether, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6ND_NA, ICMPv6ND_NS,
                       ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr, ICMPv6NDOptUnknown,
                       ICMPv6PacketTooBig, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Padding, Raw, wrpcap)

MARK = b"HSTL"
MARK_WORD = int.from_bytes(MARK, "big")

VM_MAC, PEER_MAC, INTRUDER_MAC = (f"52:54:00:00:00:{n}" for n in (11, 12, 13))
VM, PEER, INTRUDER = ({4: f"10.0.0.{n}", 6: f"fd00::{n}"} for n in (11, 12, 13))
ROUTER = {4: "10.0.0.254", 6: "fd00::fe"}
HELD_PORT, ECHO_PORT = 20000, 7000
COPIES = 3


def ip(family, source, target, **fields):
    return (IP if family == 4 else IPv6)(src=source[family], dst=target[family], **fields)


def marked(name):
    """30 bytes: with the header of an option of neighbor discovery a multiple of 8."""
    return (MARK + name.encode() + b" ").ljust(30, b".")


def out_ether(**fields):
    return Ether(**{"src": VM_MAC, "dst": PEER_MAC, **fields})


def in_ether(**fields):
    return Ether(**{"src": INTRUDER_MAC, "dst": VM_MAC, **fields})


def option(name):
    return ICMPv6NDOptUnknown(type=253, data=marked(name))


# ---- who and where the guest is -----------------------------------------------------------------

def spoofed():
    ether = out_ether()
    for family in (4, 6):
        other = ip(family, PEER, PEER)
        yield f"mac-v{family}", "guard-mac", \
            out_ether(src=INTRUDER_MAC) / ip(family, VM, PEER) / UDP(dport=9)
        yield f"address-udp-v{family}", "guard-ip", ether / other / UDP(dport=9)
        yield f"address-syn-v{family}", "guard-ip", ether / other / TCP(dport=ECHO_PORT, flags="S")
        yield f"address-rst-v{family}", "guard-ip", \
            ether / other / TCP(sport=ECHO_PORT, dport=HELD_PORT, flags="R")
    yield "address-in-icmp-error", "guard-ip", \
        ether / IP(src=ROUTER[4], dst=PEER[4]) / ICMP(type=3, code=1) / ip(4, PEER, INTRUDER) / UDP()
    yield "unspecified-address", "guard-ip", ether / IP(src="0.0.0.0", dst=PEER[4]) / UDP(dport=9)


def wrapped():
    """The same in clothes that a guard may not know (CVE-2021-27853, CVE-2021-27861)."""
    snap = LLC(dsap=0xaa, ssap=0xaa, ctrl=3)
    for family, code in ((4, 0x0800), (6, 0x86dd)):
        inner = ip(family, PEER, PEER) / UDP(dport=9)
        yield f"in-vlan-0-v{family}", "guard-ip", out_ether() / Dot1Q(vlan=0) / inner
        yield f"in-two-vlans-0-v{family}", "guard-ip", \
            out_ether() / Dot1Q(vlan=0) / Dot1Q(vlan=0) / inner
        yield f"in-snap-v{family}", "guard-ip", \
            Dot3(src=VM_MAC, dst=PEER_MAC) / snap / SNAP(OUI=0, code=code) / inner
        yield f"in-snap-tunnel-v{family}", "guard-ip", \
            Dot3(src=VM_MAC, dst=PEER_MAC) / snap / SNAP(OUI=0xf8, code=code) / inner
        # 8 bytes of LLC and SNAP, and the 30 of the mark.
        yield f"in-vlan-0-snap-v{family}", "guard-ip", \
            out_ether() / Dot1Q(vlan=0, type=len(inner) + 8 + 30) / snap / \
            SNAP(OUI=0, code=code) / inner


def vlans():
    inner = ip(4, VM, PEER) / UDP(dport=9)
    yield "hop-802-1q", "guard-vlan", out_ether() / Dot1Q(vlan=7) / inner
    yield "hop-qinq", "guard-vlan", out_ether(type=0x88a8) / Dot1AD(vlan=7) / Dot1Q(vlan=8) / inner
    yield "hop-behind-vlan-0", "guard-vlan", out_ether() / Dot1Q(vlan=0) / Dot1Q(vlan=7) / inner
    yield "hop-four-tags", "vlan-tags", \
        out_ether() / Dot1Q(vlan=0) / Dot1Q(vlan=0) / Dot1Q(vlan=0) / Dot1Q(vlan=7) / inner
    yield "hop-in-snap", "vlan-tags", Dot3(src=VM_MAC, dst=PEER_MAC) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / \
        SNAP(OUI=0, code=0x8100) / Raw(b"\0\7\x08\0") / inner
    yield "other-ethertype", "guard-other-ethertypes", out_ether(type=0x88b5)
    yield "spanning-tree", "guard-other-ethertypes", Dot3(src=VM_MAC, dst="01:80:c2:00:00:00") / LLC() / STP()


def arp():
    claims = {"op": 2, "hwdst": PEER_MAC, "pdst": PEER[4]}
    own = {"hwsrc": VM_MAC, "psrc": VM[4]}
    foreign = {"hwsrc": VM_MAC, "psrc": ROUTER[4]}
    yield "arp-reply", "guard-arp", out_ether() / ARP(**{**claims, **foreign})
    yield "arp-request", "guard-arp", out_ether() / ARP(**{**claims, **foreign, "op": 1})
    yield "arp-sender-mac", "guard-arp", out_ether() / ARP(**{**claims, **own, "hwsrc": PEER_MAC})
    yield "arp-in-vlan-0", "guard-arp", out_ether() / Dot1Q(vlan=0) / ARP(**{**claims, **foreign})
    yield "arp-in-snap", "guard-arp", Dot3(src=VM_MAC, dst=PEER_MAC) / \
        LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0806) / ARP(**{**claims, **foreign})


def neighbor_discovery():
    """Frames that are complete: the mark is in an option."""
    def nd(message, source=VM[6], **fields):
        return out_ether() / IPv6(src=source, dst=PEER[6], **{"hlim": 255, **fields}) / message

    def na(target):
        return ICMPv6ND_NA(tgt=target, R=0, S=1, O=1)

    yield "na-for-another", "guard-nd", nd(na(ROUTER[6]) / option("na-for-another"))
    yield "na-with-another-mac", "guard-nd", \
        nd(na(VM[6]) / ICMPv6NDOptDstLLAddr(lladdr=PEER_MAC) / option("na-with-another-mac"))
    yield "dad-for-another", "guard-nd", \
        nd(ICMPv6ND_NS(tgt=PEER[6]) / option("dad-for-another"), source="::")
    yield "na-from-off-link", "guard-nd", nd(na(VM[6]) / option("na-from-off-link"), hlim=64)
    yield "router-advertisement", "guard-router-advertisement", \
        nd(ICMPv6ND_RA(routerlifetime=1800) / option("router-advertisement"))
    yield "redirect-v6", "guard-router-advertisement", \
        nd(ICMPv6ND_Redirect(tgt=VM[6], dst="fd03::2") / option("redirect-v6"))


def servers():
    yield "redirect-v4", "guard-router-advertisement", out_ether() / ip(4, VM, PEER) / \
        ICMP(type=5, code=1, gw=VM[4]) / IP(src=PEER[4], dst="10.3.0.2") / UDP(dport=9)
    yield "dhcp-offer", "guard-dhcp-server", \
        out_ether() / IP(src=VM[4], dst="255.255.255.255") / UDP(sport=67, dport=68) / \
        BOOTP(op=2, yiaddr="10.0.0.66") / DHCP(options=[("message-type", "offer"), "end"])
    yield "dhcpv6-answer", "guard-dhcp-server", \
        out_ether() / ip(6, VM, PEER) / UDP(sport=547, dport=546)


# ---- what is not well formed, from either side ---------------------------------------------------

def fragment(family, source, target, offset, more, ident, payload, protocol=17):
    if family == 4:
        return IP(src=source[4], dst=target[4], id=ident, frag=offset // 8,
                  flags="MF" if more else 0, proto=protocol) / Raw(payload)
    return IPv6(src=source[6], dst=target[6]) / \
        IPv6ExtHdrFragment(offset=offset // 8, m=int(more), id=ident, nh=protocol) / Raw(payload)


def fragments(ether, source, target):
    """Complete frames; of the overlapping ones the first is in order and passes."""
    for family in (4, 6):
        name = f"overlapping-v{family}"
        first = bytes(UDP(sport=53000, dport=5201, len=48) / Raw(b"x" * 16))
        yield name, "fragment", [
            ether / fragment(family, source, target, 0, True, 77, first),
            ether / fragment(family, source, target, 16, False, 77, marked(name) + b"..")]
        name = f"fragment-alone-v{family}"
        yield name, "fragment", [
            ether / fragment(family, source, target, 1480, False, 78, marked(name))]
        header = (HELD_PORT.to_bytes(2, "big") + ECHO_PORT.to_bytes(2, "big") + MARK)
        yield f"tiny-fragment-v{family}", "fragment-tiny", [
            ether / fragment(family, source, target, 0, True, 79, header, protocol=6)]


def malformed(ether, source, target):
    udp = UDP(sport=53001, dport=5201)
    to6 = ip(6, source, target)
    yield "routing-header-0", "routing-header", \
        ether / to6 / IPv6ExtHdrRouting(type=0, addresses=["fd03::2"]) / udp
    chain = to6
    for _ in range(9):
        chain = chain / IPv6ExtHdrDestOpt()
    yield "nine-headers", "extension-header", ether / chain / udp
    yield "hop-by-hop-second", "extension-header", \
        ether / to6 / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / udp
    yield "longer-than-frame-v4", "bad-length", ether / ip(4, source, target, len=1400) / udp
    yield "longer-than-frame-v6", "bad-length", ether / ip(6, source, target, plen=1400) / udp
    yield "short-udp", "bad-length", ether / ip(4, source, target) / UDP(dport=5201, len=4)
    yield "short-header", "bad-header", ether / ip(4, source, target, ihl=4) / udp
    yield "mapped-address", "bad-header", \
        ether / IPv6(src="::ffff:" + source[4], dst=target[6]) / udp


def stateless(ether, source, target):
    """What opens nothing and belongs to nothing."""
    for family in (4, 6):
        to = ip(family, source, target)
        for kind, flags in (("ack", "A"), ("syn-ack", "SA"), ("syn-fin", "SF"), ("rst", "R"),
                            ("null", 0), ("xmas", "FPU")):
            yield f"lone-{kind}-v{family}", "tcp-state", \
                ether / to / TCP(sport=7003, dport=ECHO_PORT, flags=flags)
        about = ip(family, target, source) / UDP(sport=1234, dport=4321)
        if family == 4:
            yield "lone-echo-reply-v4", "icmp-state", ether / to / ICMP(type=0, id=9)
            yield "lone-error-v4", "icmp-state", ether / to / ICMP(type=3, code=3) / about
        else:
            yield "lone-echo-reply-v6", "icmp-state", ether / to / ICMPv6EchoReply(id=9)
            yield "lone-error-v6", "icmp-state", ether / to / ICMPv6DestUnreach(code=4) / about


# ---- neighbors ----------------------------------------------------------------------------------

def neighbors():
    ether = in_ether()
    for family in (4, 6):
        to = ip(family, INTRUDER, VM)
        yield f"syn-to-closed-v{family}", "policy", ether / to / TCP(dport=22, flags="S")
        yield f"udp-to-closed-v{family}", "policy", ether / to / UDP(dport=53)
    yield "dhcp-offer-unasked", "policy", \
        ether / ip(4, INTRUDER, VM) / UDP(sport=67, dport=68) / BOOTP(op=2, yiaddr="10.0.0.66")
    yield "802-1q", "guard-vlan", ether / Dot1Q(vlan=7) / ip(4, INTRUDER, VM) / UDP(dport=5201)
    yield "other-ethertype", "guard-other-ethertypes", in_ether(type=0x88b5)


def blind(sequences):
    """Into the connections of which everything is known but the sequence numbers."""
    far = [(k << 28) for k in range(1, 16)]
    for family, (sequence, ack) in sequences.items():
        to = ip(family, PEER, VM)
        for kind, flags, reason in (("rst", "R", "guard-tcp-window"), ("rst-ack", "RA", "guard-tcp-window"),
                                    ("data", "PA", "guard-tcp-window"), ("fin", "FA", "guard-tcp-window"),
                                    ("syn-ack", "SA", "tcp-state"), ("syn", "S", "policy")):
            yield f"blind-{kind}-v{family}", reason, [
                in_ether() / to / TCP(sport=ECHO_PORT, dport=HELD_PORT, flags=flags, window=64,
                                      seq=(sequence + offset) % 2**32,
                                      ack=(ack + offset) % 2**32) /
                Raw(marked(f"blind-{kind}")) for offset in far]
        errors = []
        for offset in far:
            about = ip(family, VM, PEER) / TCP(sport=HELD_PORT, dport=ECHO_PORT, flags="A",
                                               seq=(ack + offset) % 2**32)
            message = ICMP(type=3, code=4, nexthopmtu=576) if family == 4 else \
                ICMPv6PacketTooBig(mtu=1280)
            errors.append(in_ether() / ip(family, ROUTER, VM) / message / about /
                          Raw(marked("blind-mtu")))
        yield f"blind-mtu-v{family}", "icmp-state", errors


# ---- floods --------------------------------------------------------------------------------------

def floods():
    """Each frame would open a session."""
    yield "out", "flood-udp", "session-limit", [
        out_ether() / ip(4, VM, PEER) / UDP(sport=10000 + n, dport=9) for n in range(400)]
    yield "out", "flood-udp-fast", "rate-limit", [
        out_ether() / ip(6, VM, PEER) / UDP(sport=10000 + n, dport=9) for n in range(400)]
    yield "in", "flood-syn", "half-open-limit", [
        in_ether() / IP(src=f"10.0.0.{100 + n % 100}", dst=VM[4]) /
        TCP(sport=10000 + n, dport=ECHO_PORT, flags="S") for n in range(300)]
    yield "in", "flood-one-remote", "remote-limit", [
        in_ether() / ip(6, INTRUDER, VM) / UDP(sport=10000 + n, dport=5201) for n in range(300)]


# ---- files ---------------------------------------------------------------------------------------

def with_mark(name, frame):
    # An ARP packet has a fixed size: what follows it is padding.
    return frame / (Padding if ARP in frame else Raw)(marked(name))


def cases(sequences):
    """Direction, name, reason, frames."""
    for group in (spoofed, wrapped, vlans, arp, servers):
        for name, reason, frame in group():
            yield "out", name, reason, [with_mark(name, frame)] * COPIES
    for name, reason, frame in neighbor_discovery():
        yield "out", name, reason, [frame] * COPIES
    for name, reason, frame in neighbors():
        yield "in", name, reason, [with_mark(name, frame)] * COPIES
    for direction, ether, source, target in (("out", out_ether(), VM, PEER),
                                             ("in", in_ether(), INTRUDER, VM)):
        for name, reason, frames in fragments(ether, source, target):
            yield direction, name, reason, frames
        for group in (malformed, stateless):
            for name, reason, frame in group(ether, source, target):
                yield direction, name, reason, [with_mark(name, frame)] * COPIES
    for name, reason, frames in blind(sequences):
        yield "in", name, reason, frames


def write(directory, kind, direction, name, reason, frames):
    frames = [bytes(frame) for frame in frames]
    wrpcap(f"{directory}/{direction}.{name}.pcap", frames, linktype=1)
    print(kind, direction, name, reason, sum(MARK in frame for frame in frames))


def main(directory, *numbers):
    sequence4, ack4, sequence6, ack6 = map(int, numbers)
    for case in cases({4: (sequence4, ack4), 6: (sequence6, ack6)}):
        write(directory, "stopped", *case)
    for direction, name, reason, frames in floods():
        write(directory, "flood", direction, name, reason,
              [with_mark(name, frame) for frame in frames])
    for direction, ether, source, target in (("out", out_ether(), VM, PEER),
                                             ("in", in_ether(), INTRUDER, VM)):
        write(directory, "honest", direction, "honest", "new",
              [with_mark("honest", ether / ip(4, source, target) / UDP(sport=53002, dport=5201))])


if __name__ == "__main__":
    main(*sys.argv[1:])
