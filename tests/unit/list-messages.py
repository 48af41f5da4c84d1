#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# list-messages.py: what the policy parser, resolver and compiler can complain of, a line each:
# "tested" or "untested", the place, the format. A format is tested when a string of the unit tests
# is such a message, with whatever stands for its conversions.
#
# Messages are the formats of fail(), reject() and warn(), and of what address.c says of a prefix.

import glob
import re

SOURCES = ["hostd/base/xml.c", "hostd/base/address.c"] + sorted(
    glob.glob("hostd/policy/**/*.c", recursive=True))
TESTS = sorted(glob.glob("tests/unit/test_*.c"))

# Which argument is the format.
FUNCTIONS = {"fail": 4, "reject": 2, "warn": 3}
IN_ADDRESS = {"snprintf": 2}

TOKEN = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*)"|/\*.*?\*/|//[^\n]*|\'(?:[^\'\\]|\\.)*\'|(?P<word>\w+)|'
    r'(?P<other>\S)', re.S)
CONVERSION = re.compile(r"%%|%[-#0 +]*[\d.*]*(?:hh|h|ll|l|z)?[diouxXcs]|%")
ESCAPES = {"n": "\n", "t": "\t"}


def tokens_of(path):
    """Pairs of what a token is ("text", "word", "other") and what it says, and its line."""
    with open(path, encoding="utf-8") as file:
        source = file.read()
    for match in TOKEN.finditer(source):
        kind = match.lastgroup
        if kind:
            yield kind, match.group(kind), source.count("\n", 0, match.start()) + 1


def unescape(text):
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match.group(1), match.group(1)), text)


def arguments_of(tokens, start):
    """The arguments of a call whose opening parenthesis is tokens[start]."""
    arguments, depth = [[]], 0
    for kind, text, _ in tokens[start:]:
        if kind == "other" and text in "([{":
            depth += 1
        elif kind == "other" and text in ")]}":
            depth -= 1
        if depth == 0:
            return arguments
        if kind == "other" and text == "," and depth == 1:
            arguments.append([])
        elif depth > 1 or text != "(":
            arguments[-1].append((kind, text))
    return arguments


def formats_of(path):
    tokens = list(tokens_of(path))
    functions = IN_ADDRESS if path.endswith("/address.c") else FUNCTIONS
    for i, (kind, name, line) in enumerate(tokens[:-1]):
        if kind != "word" or name not in functions or tokens[i + 1][1] != "(":
            continue
        arguments = arguments_of(tokens, i + 1)
        if len(arguments) <= functions[name]:
            continue
        format_tokens = arguments[functions[name]]
        if format_tokens and format_tokens[0][0] == "text":
            # A macro among the strings stands for any text.
            yield line, "".join(unescape(text) if kind == "text" else "%s"
                                for kind, text in format_tokens)


def strings_of(path):
    """Neighbouring literals as one string, whatever names stand between them left out."""
    string = None
    for kind, text, _ in tokens_of(path):
        if kind == "text":
            string = (string or "") + unescape(text)
        elif string is not None:
            yield string
            string = None


def pattern_of(text):
    parts, end = [], 0
    for match in CONVERSION.finditer(text):
        parts.append(re.escape(text[end:match.start()]))
        parts.append("%" if match.group() == "%%" else ".*")
        end = match.end()
    return re.compile("(^| )" + "".join(parts) + re.escape(text[end:]) + "$", re.S | re.M)


def main():
    expectations = {string for path in TESTS for string in strings_of(path)}
    for path in SOURCES:
        for line, text in formats_of(path):
            # What only repeats another's words says nothing itself.
            if not re.search("[a-z]", CONVERSION.sub("", text)):
                continue
            pattern = pattern_of(text)
            tested = any(pattern.search(string) for string in expectations)
            print("tested" if tested else "untested", f"{path}:{line}", text, sep="\t")


main()
