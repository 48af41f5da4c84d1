/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls libxml2 so that its work ends completely or not at all. libxml2 up to 2.13 does not handle
 * a failed allocation: it drops attributes, nodes or namespaces and still reports success, or
 * follows a NULL pointer. So libxml2 never sees a failed allocation: the work is left by longjmp(),
 * and everything that it has allocated is freed.
 */
#ifndef VMSEG_XML_MEMORY_H
#define VMSEG_XML_MEMORY_H

/* Calls work(data), which calls libxml2. Returns 0; -ENOMEM when an allocation of libxml2 failed;
 * or the error of leave_xml_work(). In the last two cases everything that libxml2 has allocated
 * during the work is freed, and pointers to it are invalid. The work may be left in any call of
 * libxml2: it must own nothing else, and must not change anything that libxml2 allocated before.
 * Works are not nested. */
int run_xml_work(void (*work)(void *data), void *data);

/* From a callback of libxml2's: leaves the work, which then returns -error. */
_Noreturn void leave_xml_work(int error);

#endif
