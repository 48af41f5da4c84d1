/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel's verifier thinks of each program: one line per program, for people and
 * for `sort`. Programs are loaded one at a time, so one that is refused does not hide the others;
 * what the verifier said of it last follows below the table.
 *
 *   instructions  in the program as loaded
 *   processed     by the verifier on all paths; the kernel's limit is 1,000,000
 *   states, peak  that the verifier kept in all and at once: its memory and time
 *   stack         bytes used by each function; a chain of calls may use 512
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "vmseg.skel.h"

/* BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h: the figures without the trace. */
#define LOG_STATS 4
/* BPF_LOG_LEVEL1: the trace of the path that failed, with the figures at its end. */
#define LOG_TRACE 1

#define LOG_BYTES  (16 << 20)
#define LAST_WORDS 2000 /* bytes of a refusal that are shown */

#define STACK_TEXT_BYTES 48

struct figures {
	unsigned long processed, total_states, peak_states;
	char stack[STACK_TEXT_BYTES];
};

static int stay_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* The number that follows `name` where it stands last in the log; 0 when it is not there. */
static unsigned long find_figure(const char *log, const char *name)
{
	const char *found = NULL;

	for (const char *at = log; (at = strstr(at, name)); at++)
		found = at + strlen(name);
	return found ? strtoul(found, NULL, 10) : 0;
}

/* The figures behind "stack depth", as the verifier writes them: one for each function. */
static void copy_stack(const char *log, char out[static STACK_TEXT_BYTES])
{
	const char *at = strstr(log, "stack depth ");
	size_t size;

	out[0] = '\0';
	if (!at)
		return;
	at += strlen("stack depth ");
	size = strspn(at, "0123456789+");
	if (size >= STACK_TEXT_BYTES)
		size = STACK_TEXT_BYTES - 1;
	memcpy(out, at, size);
	out[size] = '\0';
}

/* Loads this program alone with the log in `log`. Returns what loading returned. */
static int load_one(const char *name, int level, char *log, struct figures *ret_figures,
		    size_t *ret_instructions)
{
	struct vmseg *skeleton = vmseg__open();
	struct bpf_program *program;
	int r;

	if (!skeleton)
		return -errno;
	bpf_object__for_each_program(program, skeleton->obj)
	{
		bool wanted = !strcmp(bpf_program__name(program), name);

		bpf_program__set_autoload(program, wanted);
		if (!wanted)
			continue;
		bpf_program__set_log_level(program, level);
		bpf_program__set_log_buf(program, log, LOG_BYTES);
	}
	log[0] = '\0';
	r = vmseg__load(skeleton);
	program = bpf_object__find_program_by_name(skeleton->obj, name);
	*ret_instructions = bpf_program__insn_cnt(program);
	*ret_figures = (struct figures){
		.processed = find_figure(log, "processed "),
		.total_states = find_figure(log, "total_states "),
		.peak_states = find_figure(log, "peak_states "),
	};
	copy_stack(log, ret_figures->stack);
	vmseg__destroy(skeleton);
	return r;
}

static void print_last_words(const char *name, const char *log)
{
	size_t size = strlen(log);

	printf("\n%s was refused; the end of the verifier's log:\n%s\n", name,
	       size > LAST_WORDS ? log + size - LAST_WORDS : log);
}

/* True when the kernel took the program. */
static bool report(const char *release, const char *name, char *log)
{
	struct figures figures = {0};
	size_t instructions = 0;
	int r = load_one(name, LOG_STATS, log, &figures, &instructions);

	printf("%-28s %-14s %12zu %10lu %8lu %8lu  %-20s %s\n", release, name, instructions,
	       figures.processed, figures.total_states, figures.peak_states, figures.stack,
	       r ? strerror(-r) : "ok");
	return !r;
}

static void explain_refusal(const char *name, char *log)
{
	struct figures figures = {0};
	size_t instructions = 0;

	if (load_one(name, LOG_TRACE, log, &figures, &instructions))
		print_last_words(name, log);
}

int main(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	_cleanup_free_ char *log = malloc(LOG_BYTES);
	struct vmseg *skeleton;
	struct bpf_program *program;
	struct utsname system;
	const char *refused[16];
	size_t refused_count = 0;

	libbpf_set_print(stay_quiet);
	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited); /* needed before 5.11 only */
	skeleton = vmseg__open();
	if (!skeleton || !log || uname(&system)) {
		fprintf(stderr, "verifier_report: cannot open the BPF object: %s\n",
			strerror(errno));
		return EXIT_FAILURE;
	}
	printf("%-28s %-14s %12s %10s %8s %8s  %-20s %s\n", "kernel", "program", "instructions",
	       "processed", "states", "peak", "stack", "verdict");
	bpf_object__for_each_program(program, skeleton->obj)
	{
		const char *name = bpf_program__name(program);

		if (!report(system.release, name, log) && refused_count < ARRAY_SIZE(refused))
			refused[refused_count++] = name;
	}
	for (size_t i = 0; i < refused_count; i++)
		explain_refusal(refused[i], log);
	vmseg__destroy(skeleton);
	return refused_count ? EXIT_FAILURE : EXIT_SUCCESS;
}
