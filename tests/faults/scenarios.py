# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done to the daemon while a call fails, and what may be the case afterwards.

Between two faults the host is as `Host.rest` describes. A scenario's act returns which policies may
judge the guest web then, by what the daemon has answered; undo brings the rest back.
"""
import os
import shutil
import signal
import subprocess
import time

import host
from host import NoReply
from wire import PATIENCE, Guest, Wire

OLD, NEW = (1001, 1002), (2001, 2002)
FORBIDDEN = 22
UUID = "00000000-0000-0000-0000-0000000000%s"


class Finding(Exception):
    """Something is not as it must be."""


def domain_xml(name, number, policy, *devices):
    interfaces = "".join(f'<v:interface mac="52:54:00:00:00:{n}"><v:address ip="10.0.0.{n}"/>'
                         "</v:interface>" for n in range(number, number + len(devices)))
    metadata = (f'<v:domain xmlns:v="urn:vmseg:1"><v:policy ref="{policy}"/>{interfaces}</v:domain>')
    nics = "".join(f"<interface type='bridge'><mac address='52:54:00:00:00:{number + i}'/>"
                   f"<target dev='{device}'/></interface>" for i, device in enumerate(devices))
    return (f"<domain type='kvm'><name>{name}</name><uuid>{UUID % number}</uuid>"
            f"<metadata>{metadata}</metadata><devices>{nics}</devices></domain>")


class Host:
    """At rest: web (a domain) is filtered by the old policy, alone and a port domain c13 beside it."""

    def __init__(self, build, directory, page):
        self.page, self.build = page, build
        self.wire = Wire()
        self.web = Guest("web", "vnet0", 11)
        self.admin = Guest("admin", "vnet1", 12)
        self.loner = Guest("loner", "c13", 13)
        self.daemon = host.Daemon(build, directory, page)
        os.makedirs(host.POLICIES, exist_ok=True)
        with open("/etc/vmseg/hostd.conf", "w", encoding="ascii") as file:
            # The scenarios plug devices in while domains run: they say themselves whose these are.
            file.write(f"libvirt-uri = none\nquarantine = off\n"
                       f"max-ports = {host.MAX_PORTS}\npolicy-nodes = 16384\n"
                       "rule-counters = 256\nlog-events = off\n")
        self.rest = {}
        self.begin()

    def hook(self, operation, xml):
        return self.daemon.ask("hook", operation=operation, xml=xml)

    def attach_port(self):
        return self.daemon.ask("port-attach", device="c13", mac=self.loner.mac, policies=["other"],
                               addresses=[self.loner.ip], groups=[])

    @staticmethod
    def policy_path(name):
        return f"{host.POLICIES}/{name}.xml"

    def write_policy(self, name, ports):
        with open(self.policy_path(name), "w", encoding="ascii") as file:
            file.write(self.policy_xml(name, ports))

    @staticmethod
    def policy_xml(name, ports):
        return host.policy_text(ports).replace('name="web"', f'name="{name}"')

    def file_policy(self):
        with open(self.policy_path("web"), encoding="ascii") as file:
            return "old" if f'"{OLD[0]}"' in file.read() else "new"

    # ---- what is the case ------------------------------------------------------------------

    def judged_by(self, guest):
        """By which policy the guest is filtered; Finding if forbidden packets pass."""
        seen = self.wire.into(guest, (*OLD, *NEW, FORBIDDEN))
        out = self.wire.out_of(guest)
        if FORBIDDEN in seen or "forged" in out:
            raise Finding(f"OPEN: {guest.name} gets {sorted(seen)}, its {sorted(out)} packets pass")
        for name, ports in (("old", OLD), ("new", NEW)):
            if seen == set(ports) and "honest" in out:
                return name
        if not seen:
            return "closed"
        raise Finding(f"MIXED: {guest.name} gets {sorted(seen)}, its {sorted(out)} packets pass")

    def snapshot(self):
        status = self.daemon.ask("status")
        return {
            "descriptors": self.daemon.descriptors(),
            "pins": host.kinds_of_pins(),
            "state": host.kinds_of_files(*host.STATE_DIRECTORIES),
            "policies": host.files_below(host.POLICIES),
            "session tables": len(host.session_tables()),
            "ports": status["datapath"]["ports"]["used"],
            "images": status["datapath"]["images"],
            "policy nodes": status["datapath"]["policy_nodes"]["used"],
            "rule counters": status["datapath"]["rule_counters"]["used"],
            "problems": status["problems"],
            "unclaimed": [port["device"] for port in status["unclaimed"]],
            "pending": len(status["pending"]),
            "web": self.judged_by(self.web),
            "loner": self.judged_by(self.loner),
        }

    def difference(self):
        now = self.snapshot()
        return {key: (self.rest[key], now[key]) for key in now if now[key] != self.rest[key]}

    def await_rest(self):
        """What is done later is done by now; else it never is."""
        deadline = time.monotonic() + PATIENCE / 2
        while difference := self.difference():
            if time.monotonic() > deadline:
                raise Finding(f"LEFT OVER (before, now): {difference}")
            time.sleep(0.02)

    def domain(self, name):
        """Its line in the list, or None."""
        return next((d for d in self.daemon.ask("list")["domains"] if d["name"] == name), None)

    def hooked(self, domain):
        ports = self.daemon.ask("show", domain=domain)["ports"]
        return bool(ports) and all(port["hooked"]["in"] and port["hooked"]["out"] for port in ports)

    def await_hooked(self, domain):
        deadline = time.monotonic() + PATIENCE / 2
        while not self.hooked(domain):
            if time.monotonic() > deadline:
                raise Finding(f"HALF: {domain} has a port without both programs")
            time.sleep(0.02)

    def start_again(self):
        self.daemon.start()
        self.warm_up()

    def warm_up(self):
        """What a daemon makes when it first changes a policy, and keeps."""
        for ports in (NEW, OLD):
            self.write_policy("web", ports)
            self.daemon.ask("reload")
        self.daemon.settle()

    def rebuild(self):
        """After a finding all is made anew, so that one fault does not count twice. The daemon has ended."""
        self.daemon.start()
        self.daemon.end()
        subprocess.run([f"{self.build}/vmseg", "detach", "--all"], check=True, capture_output=True)
        for directory in ("/run/vmseg", "/var/lib/vmseg"):
            for name in os.listdir(directory):
                path = f"{directory}/{name}"
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for guest in (self.web, self.admin, self.loner):
            if os.path.exists(f"/sys/class/net/{guest.device}"):
                guest.unplug()
            guest.plug()
        for path in host.files_below(host.POLICIES):
            os.unlink(path)
        self.begin()

    def begin(self):
        self.write_policy("web", OLD)
        self.write_policy("other", NEW)
        self.daemon.start()
        self.hook("start", domain_xml("web", 11, "web", "vnet0"))
        self.attach_port()
        self.daemon.settle()
        # What an adopting daemon holds, as all later ones are.
        self.daemon.end()
        self.start_again()
        self.rest = self.snapshot()


# ---- scenarios: (set up, act, undo), each with the host ----------------------------------------

def attempt(action, *arguments, **keywords):
    """ok, refused, or lost: no answer to go by."""
    try:
        action(*arguments, **keywords)
        return "ok"
    except RuntimeError:
        return "refused"
    except NoReply:
        return "lost"


class Scenario:
    """The parts that most scenarios do not need."""

    name = ""
    restarts = False  # the act starts the daemon

    def set_up(self, h):
        pass

    def act(self, h):
        raise NotImplementedError

    def may_judge(self, h, outcome):
        """Which policies may judge web, by the act's outcome."""
        return ("old",)

    def read_again(self, h):
        pass

    def judge(self, h, outcome):
        pass

    def undo(self, h):
        pass


def said_stale(h):
    """Whether web is said to keep an earlier policy; otherwise what is in force must be what was asked."""
    return h.daemon.lives() and h.domain("web")["state"] == "stale"


class Reload(Scenario):
    name = "reload"

    def act(self, h):
        h.write_policy("web", NEW)
        return attempt(h.daemon.ask, "reload")

    def may_judge(self, h, outcome):
        return ("old", "new")

    def judge(self, h, outcome):
        h.daemon.ask("reload")
        if h.judged_by(h.web) != "new":
            raise Finding("STUCK: the next reload succeeds, and the old policy judges")

    def undo(self, h):
        h.write_policy("web", OLD)
        h.daemon.ask("reload")


class Apply(Scenario):
    name = "policy apply"

    def act(self, h):
        return attempt(h.daemon.ask, "policy-apply", xml=h.policy_xml("web", NEW))

    def may_judge(self, h, outcome):
        if outcome == "ok" and not said_stale(h):
            return ("new",)
        return ("old",) if outcome == "refused" else ("old", "new")

    def judge(self, h, outcome):
        if h.judged_by(h.web) != h.file_policy() and not said_stale(h):
            raise Finding(f"DIFFERENT: {h.judged_by(h.web)} judges, the file is {h.file_policy()}")

    def undo(self, h):
        h.daemon.ask("policy-apply", xml=h.policy_xml("web", OLD))


class ApplyForConfirmation(Apply):
    name = "policy apply --confirm"

    def act(self, h):
        return attempt(h.daemon.ask, "policy-apply", xml=h.policy_xml("web", NEW), confirm=3600)

    def undo(self, h):
        if h.daemon.ask("status")["pending"]:
            h.daemon.ask("policy-rollback")
        Apply.undo(self, h)


class Rollback(Scenario):
    name = "policy rollback"

    def set_up(self, h):
        h.daemon.ask("policy-apply", xml=h.policy_xml("web", NEW), confirm=3600)

    def act(self, h):
        return attempt(h.daemon.ask, "policy-rollback")

    def may_judge(self, h, outcome):
        return ("old",) if outcome == "ok" and not said_stale(h) else ("old", "new")

    def judge(self, h, outcome):
        if outcome != "ok" and h.daemon.ask("status")["pending"]:
            h.daemon.ask("policy-rollback")
        if h.judged_by(h.web) != "old" and not said_stale(h):
            raise Finding("STUCK: nothing waits for confirmation, and the new policy judges")
        # What cannot be compared with what was applied is taken for somebody's work and kept.
        edited = h.policy_path("web") + ".edited"
        if os.path.exists(edited):
            with open(edited, encoding="ascii") as file:
                if file.read() != h.policy_xml("web", NEW):
                    raise Finding("LIE: what was kept is not what was applied")
            os.unlink(edited)

    def undo(self, h):
        h.daemon.ask("policy-apply", xml=h.policy_xml("web", OLD))


class Confirm(Rollback):
    name = "policy confirm"

    def act(self, h):
        return attempt(h.daemon.ask, "policy-confirm")

    def may_judge(self, h, outcome):
        return ("new",)

    def judge(self, h, outcome):
        if outcome == "ok" and h.daemon.ask("status")["pending"]:
            raise Finding("LIE: confirmed, and it still waits for confirmation")
        if h.daemon.ask("status")["pending"]:
            h.daemon.ask("policy-confirm")


class Delete(Scenario):
    name = "policy delete"

    def set_up(self, h):
        h.daemon.ask("policy-apply", xml=h.policy_xml("spare", OLD))

    def act(self, h):
        return attempt(h.daemon.ask, "policy-delete", name="spare")

    def judge(self, h, outcome):
        there = os.path.exists(h.policy_path("spare"))
        if there != (outcome == "refused") and outcome != "lost":
            raise Finding(f"LIE: {outcome}, and the file {'is' if there else 'is not'} there")

    def undo(self, h):
        # A kept file that could not be removed goes with the next change of the policy.
        self.set_up(h)
        h.daemon.ask("policy-delete", name="spare")


class Metadata(Scenario):
    name = "metadata change"

    def act(self, h):
        return attempt(h.hook, "reconnect", domain_xml("web", 11, "other", "vnet0"))

    def may_judge(self, h, outcome):
        return ("old", "new")

    def judge(self, h, outcome):
        said = h.domain("web")
        policy = {"other": "new", "web": "old"}[said["policies"][0]]
        if outcome == "ok" and said["state"] == "enforce" and h.judged_by(h.web) != policy:
            raise Finding(f"LIE: {said} and {h.judged_by(h.web)} judges")

    def undo(self, h):
        h.hook("reconnect", domain_xml("web", 11, "web", "vnet0"))


class Start(Scenario):
    name = "domain start"

    def act(self, h):
        return attempt(h.hook, "start", domain_xml("admin", 12, "web", "vnet1"))

    def judge(self, h, outcome):
        if outcome == "ok":
            if h.judged_by(h.admin) != "old":
                raise Finding(f"LIE: started, and {h.judged_by(h.admin)} judges")
            h.await_hooked("admin")

    def undo(self, h):
        for operation in ("stopped", "release"):
            h.hook(operation, domain_xml("admin", 12, "web", "vnet1"))


def outcome_of_start(h):
    if h.domain("admin"):
        return "ok"
    return attempt(h.hook, "start", domain_xml("admin", 12, "web", "vnet1"))


class Prepare(Start):
    name = "domain prepare and start"

    def act(self, h):
        outcome = attempt(h.hook, "prepare", domain_xml("admin", 12, "web", "vnet1").replace(
            "<target dev='vnet1'/>", ""))
        h.daemon.settle()
        return Start.act(self, h) if outcome == "ok" else outcome

    def undo(self, h):
        # Session tables that were made in advance are kept for a minute: the next start takes them.
        if outcome_of_start(h) != "ok":
            raise Finding("STUCK: what was prepared cannot be started")
        Start.undo(self, h)


class Stop(Scenario):
    name = "domain stop"

    def set_up(self, h):
        h.hook("start", domain_xml("admin", 12, "web", "vnet1"))

    def act(self, h):
        outcome = attempt(h.hook, "stopped", domain_xml("admin", 12, "web", "vnet1"))
        h.admin.unplug()  # as libvirt does, whatever the hook says
        release = attempt(h.hook, "release", domain_xml("admin", 12, "web", "vnet1"))
        return outcome if release == "ok" else release

    def undo(self, h):
        h.admin.plug()
        h.hook("release", domain_xml("admin", 12, "web", "vnet1"))


class HotPlug(Scenario):
    name = "hot-plug"

    def act(self, h):
        return attempt(h.hook, "reconnect", domain_xml("web", 11, "web", "vnet0", "vnet1"))

    def judge(self, h, outcome):
        said = h.domain("web")
        if said["state"] == "enforce" and len(h.daemon.ask("show", domain="web")["ports"]) == 2:
            h.await_hooked("web")
            h.judged_by(h.admin)
        elif said["state"] == "enforce" and outcome == "ok":
            raise Finding("LIE: enforce, and the new NIC has no port")

    def undo(self, h):
        # A description without a device that exists would be that of a clone.
        h.admin.unplug()
        h.hook("reconnect", domain_xml("web", 11, "web", "vnet0"))
        h.admin.plug()


class Detach(Scenario):
    name = "detach"

    def set_up(self, h):
        h.hook("start", domain_xml("admin", 12, "web", "vnet1"))

    def act(self, h):
        return attempt(h.daemon.ask, "detach", domain="admin")

    def judge(self, h, outcome):
        said = h.domain("admin")
        if said["state"] != "detached":
            if h.judged_by(h.admin) != "old" and said["state"] not in ("closed", "stale"):
                raise Finding(f"LIE: {said['state']}, and {h.judged_by(h.admin)} judges")
            h.await_hooked("admin")

    def undo(self, h):
        for operation in ("stopped", "release"):
            h.hook(operation, domain_xml("admin", 12, "web", "vnet1"))


class Attach(Detach):
    name = "attach"

    def set_up(self, h):
        Detach.set_up(self, h)
        h.daemon.ask("detach", domain="admin")

    def act(self, h):
        return attempt(h.daemon.ask, "attach", domain="admin")


class PortAttach(Scenario):
    name = "port attach"

    def set_up(self, h):
        h.daemon.ask("port-detach", device="c13")

    def act(self, h):
        return attempt(h.attach_port)

    def judge(self, h, outcome):
        if outcome == "ok" and h.judged_by(h.loner) != "new":
            raise Finding(f"LIE: attached, and {h.judged_by(h.loner)} judges")
        known = h.domain("c13")
        if outcome == "refused" and known:
            raise Finding("LIE: refused, and known")

    def undo(self, h):
        if not h.domain("c13"):
            h.attach_port()


class PortDetach(Scenario):
    name = "port detach"

    def act(self, h):
        return attempt(h.daemon.ask, "port-detach", device="c13")

    def judge(self, h, outcome):
        known = h.domain("c13")
        if known and h.judged_by(h.loner) != "new":
            raise Finding("LIE: known, and not filtered")
        if outcome == "ok" and known:
            raise Finding("LIE: detached, and known")

    def undo(self, h):
        PortAttach.undo(self, h)


class DeviceAgain(Scenario):
    """A port domain's device is gone and made anew: netlink tells."""
    name = "device made anew"

    def act(self, h):
        h.loner.unplug()
        h.loner.plug()
        h.daemon.settle()
        return "ok"

    def judge(self, h, outcome):
        said = h.domain("c13")
        if said["state"] == "enforce" and h.judged_by(h.loner) != "new":
            raise Finding(f"LIE: {said}, and {h.judged_by(h.loner)} judges")
        if said["state"] == "waiting":
            raise Finding("DEAF: the device is there, and waited for")
        h.judged_by(h.loner)

    def undo(self, h):
        h.daemon.ask("reload")
        h.await_hooked("c13")
        # An image that nobody uses any more is given back with the next change.
        h.warm_up()


class Adopt(Scenario):
    name = "adopt"
    restarts = True

    def set_up(self, h):
        h.daemon.end(signal.SIGKILL)

    def act(self, h):
        h.daemon.launch()
        return "ok" if h.daemon.await_answer() else "ended"

    def read_again(self, h):
        """A file that could not be read may be good: it is named as a problem, and what it says of is
        filtered as before. The next daemon reads it."""
        if h.daemon.ask("status")["problems"]:
            h.daemon.end()
            h.daemon.start()

    def undo(self, h):
        h.warm_up()


class FirstStart(Scenario):
    """Nothing is pinned: maps are made, programs loaded, the port of c13 attached."""
    name = "first start"
    restarts = True

    def set_up(self, h):
        h.daemon.end()
        subprocess.run([f"{h.build}/vmseg", "detach", "--all"], check=True, capture_output=True)
        shutil.rmtree("/run/vmseg/domains", ignore_errors=True)

    def act(self, h):
        h.daemon.launch()
        return "ok" if h.daemon.await_answer() else "ended"

    def may_judge(self, h, outcome):
        return None  # nobody has started web yet

    read_again = Adopt.read_again

    def judge(self, h, outcome):
        said = h.domain("c13")
        if said["state"] == "enforce" and h.judged_by(h.loner) != "new":
            raise Finding(f"LIE: {said}, and {h.judged_by(h.loner)} judges")
        h.judged_by(h.loner)

    def undo(self, h):
        # A policy file that could not be read is bad until the next reload.
        h.daemon.ask("reload")
        h.hook("start", domain_xml("web", 11, "web", "vnet0"))
        h.warm_up()


SCENARIOS = (Reload, Apply, ApplyForConfirmation, Rollback, Confirm, Delete, Metadata, Start, Prepare, Stop,
             HotPlug, Detach, Attach, PortAttach, PortDetach, DeviceAgain, Adopt, FirstStart)
