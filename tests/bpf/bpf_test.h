/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every test of the BPF programs includes. */
#ifndef VMSEG_BPF_TEST_H
#define VMSEG_BPF_TEST_H

#include "hostd/base/cleanup.h"
#include "tests/harness/conversation.h"
#include "tests/harness/expect.h"
#include "tests/harness/packet.h"
#include "tests/harness/rig.h"
#include "tests/harness/test.h"

/* A test that gets its ports afresh; *state is the first port. */
#define rig_test(function) cmocka_unit_test_setup(function, reset_rig)

#define run_rig_tests(tests) cmocka_run_group_tests(tests, open_rig, close_rig)

#endif
