#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""answers.py SOCKET FILE: a daemon that answers each method with what FILE, a JSON object, has for it.

The file is read again for each request. A method that is not in it is an error."""

import json
import os
import socket
import sys


def answer(line, answers):
    method = json.loads(line)["method"]
    if method not in answers:
        return {"v": 1, "ok": False, "error": "no answer is prepared for " + method}
    return {"v": 1, "ok": True, "result": answers[method]}


def main(path, file):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.listen(64)
    # Whoever waits for the socket finds one that listens.
    os.rename(path + ".new", path)
    while True:
        client, _ = server.accept()
        with client, client.makefile("rw", encoding="utf-8") as stream:
            with open(file, encoding="utf-8") as answers:
                print(json.dumps(answer(stream.readline(), json.load(answers))), file=stream)


main(*sys.argv[1:])
