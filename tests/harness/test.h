/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmocka, with the headers that it needs before it, and the standard headers that most tests use.
 * A file includes others itself.
 */
#ifndef VMSEG_TEST_H
#define VMSEG_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
