/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record that a port is to have.
 */
#ifndef VMSEG_DATAPATH_DRAFT_RECORD_H
#define VMSEG_DATAPATH_DRAFT_RECORD_H

#include "bpf/abi.h"

struct filtered_port;
struct port_config;
struct stored_image;

/* The whole record of a port with this configuration and image. `former` is the record in force, or
 * NULL; its generation and pick-up window are taken over. */
void draft_record(const struct filtered_port *port, const struct port_config *config,
		  const struct stored_image *image, const struct port *former, struct port *ret);

#endif
