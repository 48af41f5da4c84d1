/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libbpf has to say goes into diagnoses instead of to stderr. libbpf has one print callback
 * for the process, hence the one buffer.
 */
#ifndef VMSEG_DATAPATH_LIBBPF_LOG_H
#define VMSEG_DATAPATH_LIBBPF_LOG_H

/* From now on libbpf writes to the buffer, which is emptied. */
void capture_libbpf(void);

/* The last lines that libbpf wrote since capture_libbpf(), on one line: of a refused program the
 * verifier's verdict. "" when there are none. Valid until the next capture. */
const char *last_libbpf_message(void);

#endif
