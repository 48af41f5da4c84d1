# SPDX-License-Identifier: GPL-2.0-or-later
"""The page shared with tests/faults/shim.c: which call fails, and what was counted."""
import ctypes
import errno
import mmap

# In the order of the shim's enum kind: a name, and the errors that such a call is given.
KINDS = (
    ("memory", (errno.ENOMEM,)),
    ("bpf", (errno.ENOMEM, errno.EPERM)),
    ("open", (errno.EMFILE,)),
    ("read", (errno.EIO,)),
    ("write", (errno.ENOSPC,)),
    ("rename", (errno.EIO, errno.ENOSPC)),
    ("fsync", (errno.EIO, errno.ENOSPC)),
    ("unlink", (errno.EIO,)),
    ("link", (errno.EIO, errno.ENOSPC)),
    ("mkdir", (errno.EIO, errno.ENOSPC)),
    ("mmap", (errno.ENOMEM,)),
    ("socket", (errno.EMFILE, errno.ENOBUFS)),
    ("send", (errno.EIO, errno.ENOBUFS)),
    ("receive", (errno.EIO, errno.ENOBUFS)),
    ("ioctl", (errno.EIO, errno.ENOBUFS)),
)
MEMORY = 0
STACK_DEPTH = 64
RECORDED_MAX = 1 << 17


class Layout(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in
                ("armed", "recording", "kind", "chosen", "error", "fired")] + [
        ("counts", ctypes.c_uint64 * len(KINDS)),
        ("stack_depth", ctypes.c_uint64),
        ("stack", ctypes.c_uint64 * STACK_DEPTH),
        ("stacks", ctypes.c_uint64 * RECORDED_MAX),
    ]


class Page:
    def __init__(self, path):
        self.path = path
        with open(path, "w+b") as file:
            file.truncate(ctypes.sizeof(Layout))
            self.map = mmap.mmap(file.fileno(), ctypes.sizeof(Layout))
        self.fields = Layout.from_buffer(self.map)

    def _mark(self):
        for kind in range(len(KINDS)):
            self.fields.counts[kind] = 0
        self.fields.fired = 0
        self.fields.stack_depth = 0

    def record(self):
        """Counts from now on; nothing fails."""
        self._mark()
        self.fields.recording = 1
        self.fields.armed = 1

    def choose(self, kind, number, error):
        """The number-th call from now on fails."""
        self._mark()
        self.fields.recording = 0
        self.fields.kind, self.fields.chosen, self.fields.error = kind, number, error
        self.fields.armed = 1

    def disarm(self):
        self.fields.armed = 0

    def fired(self):
        return self.fields.fired > 0

    def counts(self):
        return list(self.fields.counts)

    def stacks(self):
        """Of the recorded allocations, in order."""
        return list(self.fields.stacks[:min(self.fields.counts[MEMORY], RECORDED_MAX)])

    def stack(self):
        """Return addresses, innermost first, of the call that failed."""
        return list(self.fields.stack[:self.fields.stack_depth])
