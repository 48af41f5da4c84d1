#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks measured, for people.

    report.py compare RESULTS BASELINE   ratios against those of a saved run; what is more than a
                                         tenth worse is named
    report.py page RESULTS PAGE IMAGES   writes the tables between the page's markers, and charts
    report.py check RESULTS              is the file well formed and complete?

A figure is a line of JSON: group, case, unit, better (lower or higher), values, and the case of the
same group, `base`, that was measured by turns with it, or the `floors` that its values are over.
Machines differ, so runs are compared by ratio to base or floor, or where the value itself does not
depend on how fast the machine is.
"""
import json
import os
import re
import statistics
import subprocess
import sys

TOLERANCE = 0.10
# Units of what is the same on every machine.
ABSOLUTE_UNITS = {"bytes each", "packets", "MiB"}


class Figure:
    def __init__(self, record):
        self.group = record["group"]
        self.case = record["case"]
        self.unit = record["unit"]
        self.lower = record["better"] == "lower"
        self.base = record["base"]
        self.floors = record.get("floors")
        self.command = record["command"]
        self.values = record["values"]

    @property
    def median(self):
        return statistics.median(self.values)

    def ratio(self, figures):
        """To the base, round by round where both have the same rounds."""
        if self.floors:
            return statistics.median(1 + v / f for v, f in zip(self.values, self.floors))
        base = figures.get((self.group, self.base))
        if not base or not base.median:
            return None
        if len(base.values) == len(self.values) and all(base.values):
            return statistics.median(a / b for a, b in zip(self.values, base.values))
        return self.median / base.median

    def added(self, figures):
        base = figures.get((self.group, self.base))
        if not base or not self.lower:
            return None
        if len(base.values) == len(self.values):
            return statistics.median(a - b for a, b in zip(self.values, base.values))
        return self.median - base.median


def read_results(path):
    """The line about the machine, and the figures by group and case."""
    about, figures = {}, {}
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            record = json.loads(line)
            if "machine" in record:
                about = record
                continue
            figure = Figure(record)
            figures[figure.group, figure.case] = figure
    return about, figures


def round_number(value):
    if value is None:
        return ""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


# ---- against another run ---------------------------------------------------------------------


def comparable(figure, figures):
    ratio = figure.ratio(figures)
    if ratio is not None:
        return ratio
    return figure.median if figure.unit in ABSOLUTE_UNITS else None


def compare(results, baseline):
    _, now = read_results(results)
    if not os.path.exists(baseline):
        print(f"no {baseline} to compare with")
        return
    about, before = read_results(baseline)
    worse = compared = 0
    for key, figure in now.items():
        if key not in before:
            continue
        new, old = comparable(figure, now), comparable(before[key], before)
        if new is None or not old:
            continue
        compared += 1
        change = new / old - 1 if figure.lower else old / new - 1
        if change > TOLERANCE:
            worse += 1
            print(f"WORSE  {figure.group}: {figure.case}: {new:.3g}, was {old:.3g}"
                  f" ({change:+.0%})")
    print(f"{compared} figures compared with those of {about.get('commit', '?')}:"
          f" {worse} are more than {TOLERANCE:.0%} worse")


# ---- the page --------------------------------------------------------------------------------


def table(figures, groups):
    """A table of the figures whose group begins with one of these."""
    chosen = [f for f in figures.values() if any(
        f.group == g or f.group.startswith(g + "/") for g in groups)]
    if not chosen:
        return ["*Not measured in the last run.*"]
    order = list(dict.fromkeys(f.group for f in chosen))
    chosen.sort(key=lambda f: order.index(f.group))
    several = len(order) > 1
    floors = any(f.floors for f in chosen)
    based = any(f.base for f in chosen)
    head = (["what"] if several else []) + ["case", "median", "from", "to", "unit"]
    if floors:
        head += ["to the empty program"]
    if based:
        head += ["added", "ratio"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for figure in chosen:
        row = [figure.group.split("/", 1)[-1].replace("-", " ")] if several else []
        row += [figure.case, round_number(figure.median), round_number(min(figure.values)),
                round_number(max(figure.values)), figure.unit]
        ratio = figure.ratio(figures)
        ratio = f"{ratio:.2f}" if ratio else ""
        if floors:
            row += [ratio if figure.floors else ""]
        if based:
            row += [round_number(figure.added(figures)), "" if figure.floors else ratio]
        lines.append("| " + " | ".join(row) + " |")
    commands = sorted({f.command for f in chosen})
    lines += ["", "Measured by " + ", ".join(f"`{c}`" for c in commands) + "."]
    return lines


def describe_machine(about):
    machine = about["machine"]
    return [f"Measured on {about['date']} with commit {about['commit']}: {machine['cpus']} CPUs"
            f" ({machine['cpu']}), {machine['memory']} of memory, Linux {machine['kernel']}."]


def fill_page(text, about, figures):
    """<!-- machine --> and <!-- figures GROUP... --> are filled up to the next <!-- end -->."""
    def fill(match):
        words = match.group(1).split()
        lines = describe_machine(about) if words[0] == "machine" else table(figures, words[1:])
        return "\n".join([f"<!-- {match.group(1)} -->", *lines, "<!-- end -->"])

    return re.sub(r"<!-- ((?:machine|figures)[^>]*?) -->.*?<!-- end -->", fill, text,
                  flags=re.DOTALL)


# ---- charts ----------------------------------------------------------------------------------

# Without zfw: beside its bar the others could not be told apart.
TAP_CASES = ["empty", "look-up", "vmseg", "vmseg-clsact", "nft", "nft-conntrack"]

CHARTS = [
    # file, title, unit, group, cases or None, what is drawn
    ("packet.svg", "Cost of a packet over an empty program (test run)", "ns", "packet",
     ["established TCP, IPv4 in, 1000 flows", "established TCP, IPv6 in, 1000 flows",
      "bare hash look-up, 1000 of 1000 flows", "guard drop, 1000 flows",
      "denied, 10 rules, 1000 flows", "denied, 10000 rules, 1000 flows"], "median"),
    ("flows.svg", "Cost of an established packet by live flows (test run)", "ns", "packet",
     [f"{what}, {flows}" for flows in ("1 flows", "1000 flows", "100000 flows", "1000000 flows")
      for what in ("established TCP, IPv4 in",)], "median"),
    ("round-trip.svg", "TCP round trip between two guests, added", "us", "veth/round-trip", None,
     "added"),
    ("udp.svg", "UDP packets of 60 bytes between two guests", "of nothing attached", "veth/udp",
     None, "ratio"),
    ("stream.svg", "TCP stream between two guests", "of nothing attached", "veth/stream", None,
     "ratio"),
    ("tap.svg", "CPU time added to a packet from tap to tap, bridged", "ns", "tap/bridged",
     TAP_CASES, "added"),
    ("routed.svg", "CPU time added to a packet from tap to tap, routed", "ns", "tap/routed",
     TAP_CASES, "added"),
    ("tap-out.svg", "CPU time added to a packet from a tap to the network, bridged", "ns",
     "tap/bridged-out", TAP_CASES, "added"),
    ("create.svg", "virsh create, added", "ms", "start/create", None, "added"),
]


def bars(figures, group, cases, drawn):
    for figure in [f for f in figures.values() if f.group == group]:
        if cases is not None and figure.case not in cases:
            continue
        if drawn != "median" and not figure.base:
            continue
        value = {"median": figure.median, "added": figure.added(figures),
                 "ratio": figure.ratio(figures)}[drawn]
        if value is not None:
            yield figure.case, value


def draw(path, title, unit, rows):
    data = "\n".join(f'"{name}" {value:.6g} "{round_number(float(f"{value:.3g}"))}"'
                     for name, value in rows)
    top = max(max(value for _, value in rows), 1e-9) * 1.15
    bottom = min(0, min(value for _, value in rows)) * 1.15
    script = f"""
set terminal svg size 760,{100 + 32 * len(rows)} font "sans,13" background "white"
set output "{path}"
set label 1 "{title} [{unit}]" at screen 0.02, graph 1.0 offset 0, 1.2 font "sans,15"
set xrange [{bottom:.6g}:{top:.6g}]
set xtics {float(f"{(top - bottom) / 5:.1g}"):.6g} nomirror
set yrange [{len(rows) - 0.4}:-0.6]
set lmargin {max(len(name) for name, _ in rows) + 2}
set rmargin 6
set tmargin 3
set bmargin 2
unset key
set border 1
set ytics nomirror scale 0
set grid xtics lc rgb "#dddddd"
$data << EOD
{data}
EOD
set style fill solid 0.9 noborder
plot $data using ($2/2.0):0:(abs($2)/2.0):(0.32):ytic(1) with boxxyerror lc rgb "#3b6ea8", \\
     $data using ($2 > 0 ? $2 : 0):0:3 with labels left offset 1, 0
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def draw_charts(figures, directory):
    os.makedirs(directory, exist_ok=True)
    for name, title, unit, group, cases, drawn in CHARTS:
        rows = list(bars(figures, group, cases, drawn))
        if rows:
            draw(os.path.join(directory, name), title, unit, rows)


def page(results, path, images):
    about, figures = read_results(results)
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(fill_page(text, about, figures))
    draw_charts(figures, images)


# ---- is it all there? ------------------------------------------------------------------------

GROUPS = ["primitive", "packet", "compile", "veth", "tap", "start", "daemon", "hook", "session",
          "reload", "diff", "restart", "group", "rules", "port"]


def check(results):
    about, figures = read_results(results)
    if not about:
        sys.exit(f"{results}: nothing about the machine")
    for group in GROUPS:
        if not any(f.group.split("/")[0] == group for f in figures.values()):
            sys.exit(f"{results}: no figure of {group}")
    for figure in figures.values():
        if figure.base and (figure.group, figure.base) not in figures:
            sys.exit(f"{results}: {figure.group}: {figure.case}: no base {figure.base}")
    print(f"{len(figures)} figures in {len({f.group for f in figures.values()})} groups")


def main():
    actions = {"compare": (compare, 2), "page": (page, 3), "check": (check, 1)}
    if len(sys.argv) < 2 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    act, count = actions[sys.argv[1]]
    if len(sys.argv) != count + 2:
        sys.exit(__doc__)
    act(*sys.argv[2:])


main()
