/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol between vmseg-hostd and its clients (the vmseg command, the libvirt hook):
 * one JSON object per line over a unix stream socket, one request, one reply, then close.
 *
 *   request  {"v":1, "method":"status", "params":{...}}
 *   reply    {"v":1, "ok":true, "result":{...}}
 *            {"v":1, "ok":false, "error":"one clear sentence with its place"}
 *
 * Two sockets: control.sock (root) takes every method, read.sock (group vmseg) only those that
 * methods.def marks READERS. Who asks is known from SO_PEERCRED, never from the
 * message. A request is at most CONTROL_REQUEST_MAX bytes.
 */
#ifndef VMSEG_CONTROL_PROTOCOL_H
#define VMSEG_CONTROL_PROTOCOL_H

#define CONTROL_VERSION     1
#define CONTROL_REQUEST_MAX (4 << 20)
#define CONTROL_SOCKET      "/run/vmseg/control.sock"
#define READ_SOCKET         "/run/vmseg/read.sock"
#define CONTROL_GROUP       "vmseg"

#endif
