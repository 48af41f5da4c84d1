// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hook_load [-p PARALLEL] [-n ROUNDS] [-i MILLISECONDS] HOOK OPERATION XML...: runs the libvirt
 * hook as libvirtd would, with each domain's XML file on stdin, and prints one line per run:
 *
 *   2345 0       microseconds from the start of the process to its end, exit status
 *
 * PARALLEL of them are under way at once (1). ROUNDS is how often each file is used (1), and
 * MILLISECONDS a pause between one start and the next.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/tools/time.h"
#include "tests/harness/tools/arguments.h"

extern char **environ;

struct run {
	pid_t pid; /* 0: free */
	double started;
};

static pid_t start_hook(const char *hook, const char *operation, const char *xml)
{
	char *const arguments[] = {(char *)hook,    (char *)"bench", (char *)operation,
				   (char *)"begin", (char *)"-",     NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, xml, O_RDONLY, 0);
	r = posix_spawn(&pid, hook, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		errx(1, "%s: %s", hook, strerror(r));
	return pid;
}

static void await_one(struct run *runs, int parallel)
{
	int status;
	pid_t pid = wait(&status);
	double now = seconds_now();

	if (pid < 0)
		err(1, "wait");
	for (int i = 0; i < parallel; i++) {
		if (runs[i].pid != pid)
			continue;
		printf("%.0f %d\n", (now - runs[i].started) * 1e6,
		       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		runs[i].pid = 0;
	}
}

static struct run *free_place(struct run *runs, int parallel)
{
	for (;;) {
		for (int i = 0; i < parallel; i++)
			if (!runs[i].pid)
				return &runs[i];
		await_one(runs, parallel);
	}
}

static int count_running(const struct run *runs, int parallel)
{
	int count = 0;

	for (int i = 0; i < parallel; i++)
		count += runs[i].pid != 0;
	return count;
}

int main(int argc, char **argv)
{
	int option, parallel = 1, rounds = 1, pause = 0;
	struct run *runs;

	while ((option = getopt(argc, argv, "p:n:i:")) != -1) {
		if (option == 'p')
			parallel = parse_number(optarg);
		else if (option == 'n')
			rounds = parse_number(optarg);
		else if (option == 'i')
			pause = parse_number(optarg);
		else
			return 2;
	}
	if (argc - optind < 3 || parallel < 1)
		errx(2, "usage: hook_load [-p PARALLEL] [-n ROUNDS] [-i MILLISECONDS] HOOK "
			"OPERATION XML...");
	runs = calloc((size_t)parallel, sizeof(*runs));
	if (!runs)
		err(1, "calloc");
	for (int round = 0; round < rounds; round++) {
		for (int i = optind + 2; i < argc; i++) {
			struct run *run = free_place(runs, parallel);

			run->started = seconds_now();
			run->pid = start_hook(argv[optind], argv[optind + 1], argv[i]);
			if (pause)
				usleep((useconds_t)pause * 1000);
		}
	}
	while (count_running(runs, parallel))
		await_one(runs, parallel);
	free(runs);
	return 0;
}
