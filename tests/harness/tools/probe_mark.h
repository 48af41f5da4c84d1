/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a frame of send_frame says of itself when it is marked: "vmseg-probe NAME NUMBER ".
 */
#ifndef VMSEG_PROBE_MARK_H
#define VMSEG_PROBE_MARK_H

#define PROBE_MARK       "vmseg-probe "
#define PROBE_NAME_MAX   31
#define PROBE_MARK_BYTES 64

#endif
