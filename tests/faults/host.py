# SPDX-License-Identifier: GPL-2.0-or-later
"""vmseg-hostd under the shim, asked as the hook and the command ask it, and what it holds."""
import collections
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import time

from wire import PATIENCE

BPFFS = "/sys/fs/bpf/vmseg"
STATE_DIRECTORIES = ("/run/vmseg/domains", "/var/lib/vmseg")
POLICIES = "/etc/vmseg/policies"
MAX_PORTS = 16
ADDR_NO_RANDOMIZE = 0x0040000
BPF_MAP_LOOKUP_ELEM, BPF_OBJ_GET, BPF_OBJ_GET_INFO_BY_FD = 1, 7, 15
MAP_INFO_BYTES, MAP_INFO_MAX_ENTRIES = 80, 16  # struct bpf_map_info
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)


class NoReply(Exception):
    """The daemon closed the connection, or is not there."""


def fixed_addresses():
    """So that a place in the code has the same address in every process."""
    libc.personality(ADDR_NO_RANDOMIZE)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    r = libc.syscall(SYS_BPF, command, buffer, len(buffer))
    if r < 0:
        raise OSError(ctypes.get_errno(), f"bpf {command}")
    return r


class Daemon:
    def __init__(self, build, directory, page):
        self.program, self.page = f"{build}/vmseg-hostd", page
        shim = f"{build}/tests/faults/shim.so"
        if not os.path.exists(shim):
            raise FileNotFoundError(f"{shim} is not built: make tests")
        self.log_path = f"{directory}/hostd.log"
        self.environment = dict(os.environ, LD_PRELOAD=shim,
                                VMSEG_FAULTS=page.path)
        self.process = None
        self.maps = ""

    def log_size(self):
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def log_since(self, size):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            file.seek(size)
            return file.read()

    def launch(self):
        with open(self.log_path, "ab") as log:
            # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
            self.process = subprocess.Popen([self.program], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment,
                                            preexec_fn=fixed_addresses)

    def await_answer(self):
        """Until it answers or has ended; whether it answers. When a program is refused, libbpf loads it
        once more with the verifier's log, which takes long."""
        deadline = time.monotonic() + 10 * PATIENCE
        while time.monotonic() < deadline and self.lives():
            try:
                self.ask("status")
                return True
            except (NoReply, RuntimeError):
                time.sleep(0.01)
        return False

    def start(self):
        self.launch()
        if not self.await_answer():
            raise RuntimeError(f"vmseg-hostd does not start: {self.log_since(0)[-2000:]}")
        with open(f"/proc/{self.process.pid}/maps", encoding="ascii") as file:
            self.maps = file.read()

    def lives(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def ask(self, method, **params):
        """The result; RuntimeError for a refusal, NoReply if there is no answer."""
        request = json.dumps({"v": 1, "method": method, "params": params}) + "\n"
        reply = b""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.connect("/run/vmseg/control.sock")
                sock.sendall(request.encode())
                while part := sock.recv(65536):
                    reply += part
            except socket.timeout as error:
                raise TimeoutError(f"{method}: connection open, no answer") from error
            except OSError as error:
                raise NoReply(str(error)) from error
        if not reply.endswith(b"\n"):
            raise NoReply("no answer")
        answer = json.loads(reply)
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def settle(self):
        """Until it sleeps and makes no more of the calls that are counted."""
        before, calm = None, 0
        deadline = time.monotonic() + PATIENCE
        while calm < 3 and time.monotonic() < deadline and self.lives():
            time.sleep(0.008)
            now = (self.page.counts(), self._cpu_time())
            calm = calm + 1 if now == before else 0
            before = now

    def _cpu_time(self):
        try:
            with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as file:
                return file.read().split()[0]
        except OSError:
            return None

    # ---- what it holds ---------------------------------------------------------------------

    def descriptors(self):
        kinds = collections.Counter()
        directory = f"/proc/{self.process.pid}/fd"
        for name in os.listdir(directory):
            try:
                target = os.readlink(f"{directory}/{name}")
            except OSError:
                continue
            kinds[target.split(":")[0] if target.startswith("socket") else target] += 1
        return dict(kinds)


def session_tables():
    """Slots that have a session table."""
    fd = bpf(BPF_OBJ_GET, struct.pack("=Q", ctypes.addressof(path := ctypes.create_string_buffer(
        f"{BPFFS}/maps/session_map".encode()))) + b"\0" * 8)
    try:
        return [slot for slot in range(_max_entries(fd)) if _has_inner(fd, slot)]
    finally:
        os.close(fd)
        del path


def _max_entries(fd):
    info = ctypes.create_string_buffer(MAP_INFO_BYTES)
    bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, len(info), ctypes.addressof(info)))
    return struct.unpack_from("=I", info, MAP_INFO_MAX_ENTRIES)[0]


def _has_inner(fd, slot):
    key, value = ctypes.c_uint32(slot), ctypes.c_uint32()
    try:
        bpf(BPF_MAP_LOOKUP_ELEM, struct.pack("=IIQQQ", fd, 0, ctypes.addressof(key),
                                            ctypes.addressof(value), 0))
    except OSError:
        return False
    return True


def files_below(*directories):
    return sorted(os.path.join(path, name) for directory in directories
                  for path, _, names in os.walk(directory) for name in names)


def kinds_of_pins():
    """How many of each kind; a link's name begins with its device's ifindex."""
    return dict(collections.Counter(path.replace(BPFFS, "").lstrip("/") if "/links/" not in path
                                    else f"links/*-{path.rpartition('-')[2]}"
                                    for path in files_below(BPFFS)))


def kinds_of_files(*directories):
    """How many of each kind there are; their names may be chosen by chance."""
    return dict(collections.Counter(os.path.dirname(path) + "/*." + os.path.basename(path).partition(".")[2]
                                    for path in files_below(*directories)))


def policy_text(ports):
    rules = "".join(f'<rule id="{kind}" direction="in" action="allow"><udp port="{port}"/></rule>'
                    for kind, port in zip(("first", "second"), ports))
    return (f'<policy xmlns="urn:vmseg:1" name="web"><default in="deny" out="allow"/>'
            f'{rules}</policy>\n')
