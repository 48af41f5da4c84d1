#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Has each call that can fail fail once, while the daemon does what it does; prints TAP.

  faults.py BUILD DIRECTORY [--sample N] [--seed SEED] [--only SCENARIO,...] [--point POINT]

First each scenario runs undisturbed and its calls are counted: these are its fault points, each once
for every error that such a call is given. Of allocations from one place in the code, by the same way
through the code, the first, the middle and the last one are taken. --sample takes N points of each
scenario (half as many where the daemon starts), by the seed; without it all are. --point takes one,
as a finding names it: "bpf 44 EPERM".
"""
import argparse
import collections
import errno
import os
import random
import signal
import subprocess
import sys
import time

import page
from host import NoReply
from scenarios import SCENARIOS, Finding, Host


def list_points(counts, stacks):
    """(kind, number, error) of everything that can fail."""
    by_stack = collections.defaultdict(list)
    for number, stack in enumerate(stacks, 1):
        by_stack[stack].append(number)
    numbers = [range(1, count + 1) for count in counts]
    numbers[page.MEMORY] = sorted({n for same in by_stack.values()
                                   for n in (same[0], same[len(same) // 2], same[-1])})
    return [(kind, number, error) for kind, (_, errors) in enumerate(page.KINDS)
            for number in numbers[kind] for error in errors]


def share_of(scenario, sample):
    """Where the daemon starts anew each fault takes as long as a dozen of others."""
    return (sample + 1) // 2 if scenario.restarts else sample


def describe(point):
    kind, number, error = point
    return f"{page.KINDS[kind][0]} {number} {errno.errorcode[error]}"


class Runner:
    def __init__(self, host, build):
        self.host, self.build = host, build
        self.findings = []
        self.fired = self.ended = 0

    def measure(self, scenario):
        """The scenario undisturbed; its points."""
        scenario.set_up(self.host)
        if not scenario.restarts:
            self.host.daemon.settle()
        self.host.page.record()
        scenario.act(self.host)
        self.host.daemon.settle()
        self.host.page.disarm()
        points = list_points(self.host.page.counts(), self.host.page.stacks())
        if scenario.restarts:
            self.adopt_maps()
        scenario.judge(self.host, "ok")
        scenario.undo(self.host)
        self.host.daemon.settle()
        self.host.await_rest()
        return points

    def adopt_maps(self):
        with open(f"/proc/{self.host.daemon.process.pid}/maps", encoding="ascii") as file:
            self.host.daemon.maps = file.read()

    def strike(self, scenario, point):
        """One fault, and all that must hold afterwards."""
        h = self.host
        scenario.set_up(h)
        if not scenario.restarts:
            h.daemon.settle()
        log = h.daemon.log_size()
        h.page.choose(*point)
        try:
            outcome = scenario.act(h)
            h.daemon.settle()
        finally:
            h.page.disarm()
        self.fired += h.page.fired()
        allowed = scenario.may_judge(h, outcome)
        if allowed and h.judged_by(h.web) not in allowed:
            raise Finding(f"POLICY: {outcome}, and {h.judged_by(h.web)} judges web")
        ended = not h.daemon.lives()
        if ended:
            self.judge_end(log)
            h.daemon.start()
            outcome = "lost" if outcome == "ok" else outcome
        scenario.read_again(h)
        if allowed:
            h.await_hooked("web")
        scenario.judge(h, outcome)
        scenario.undo(h)
        if ended:
            h.warm_up()
        h.daemon.settle()
        h.await_rest()

    def judge_end(self, log):
        self.ended += 1
        status = self.host.daemon.process.wait()
        said = self.host.daemon.log_since(log)
        if status < 0:
            raise Finding(f"CRASH: signal {-status}: {said[-800:]}")
        if status == 0 or not said.strip():
            raise Finding(f"SILENT: ended with status {status}: {said[-400:]}")

    def where(self):
        """The place of the failing call, innermost first."""
        base = 0x555555554000
        lines = []
        for address in self.host.page.stack()[2:]:
            text = f"{address:#x}"
            if base <= address < base + (64 << 20):
                text = subprocess.run(
                    ["addr2line", "-pfs", "-e", f"{self.build}/vmseg-hostd", f"{address - base - 1:#x}"],
                    capture_output=True, text=True, check=False).stdout.strip()
            else:
                for line in self.host.daemon.maps.splitlines():
                    start, end = (int(part, 16) for part in line.split(" ")[0].split("-"))
                    if start <= address < end:
                        text = f"{line.split('/')[-1]}+{address - start:#x}"
            lines.append(text)
        return lines[:2] + [line for line in lines[2:] if " at " in line][:12]

    def recover(self):
        self.host.page.disarm()
        if self.host.daemon.lives():
            self.host.daemon.end(signal.SIGKILL)
        self.host.rebuild()

    def run(self, scenario, points):
        wrong = []
        for done, point in enumerate(points, 1):
            if done % 100 == 0:
                print(f"# {scenario.name}: {done} of {len(points)}", flush=True)
            try:
                self.strike(scenario, point)
            except (Finding, RuntimeError, NoReply, TimeoutError, ValueError, TypeError) as error:
                text = [f"{scenario.name}: {describe(point)}: {error or type(error).__name__}"]
                if not self.host.daemon.lives():
                    text.append(f"    the daemon has ended: {self.host.daemon.log_since(0)[-800:]!r}")
                text += [f"    {line}" for line in self.where()]
                print("\n".join(f"# {line}" for line in text), flush=True)
                wrong.append(point)
                self.findings.append((scenario.name, point))
                self.recover()
        return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("directory")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--only", default="")
    parser.add_argument("--point", default="")
    options = parser.parse_args()
    started = time.monotonic()
    runner = Runner(Host(options.build, options.directory,
                         page.Page(os.path.join(options.directory, "faults.page"))), options.build)
    tested = failed = 0
    for kind in SCENARIOS:
        scenario = kind()
        if options.only and scenario.name not in options.only.split(","):
            continue
        points = runner.measure(scenario)
        total = len(points)
        if not points:
            raise SystemExit(f"{scenario.name}: the daemon makes no call: is the shim there?")
        if options.point:
            points = [point for point in points if describe(point) == options.point]
        elif options.sample:
            chosen = random.Random(f"{options.seed} {scenario.name}")
            points = chosen.sample(points, min(total, share_of(scenario, options.sample)))
        fired, ended = runner.fired, runner.ended
        wrong = runner.run(scenario, points)
        tested += 1
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {tested} - {scenario.name}: {len(points)} of {total} faults")
        print(f"# {scenario.name}: {runner.fired - fired} met, the daemon ended at {runner.ended - ended},"
              f" {time.monotonic() - started:.0f} s", flush=True)
    print(f"# {runner.fired} faults met, {runner.ended} ends, {len(runner.findings)} findings")
    print(f"1..{tested}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
