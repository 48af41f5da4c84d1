/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work of libxml2's that ends whole or not at all. libxml2 up to 2.13 does not bear a failed
 * allocation: it drops attributes, nodes or namespaces and still calls the document well-formed, or
 * follows a NULL pointer. So it never sees one: the work is left at once, and what it has allocated
 * is freed.
 */
#ifndef VMSEG_XML_MEMORY_H
#define VMSEG_XML_MEMORY_H

/* Calls work(data), which calls libxml2. Returns 0, -ENOMEM when an allocation of libxml2's failed,
 * or what leave_xml_work() was given. In the last two cases everything that libxml2 has allocated
 * during the work is freed, and pointers to it are void. The work may be left at any call of
 * libxml2's: it must own nothing else, and change nothing that libxml2 has allocated before. Works
 * are not nested. */
int run_xml_work(void (*work)(void *data), void *data);

/* From a callback of libxml2's: leaves the work, which then returns -error. */
_Noreturn void leave_xml_work(int error);

#endif
