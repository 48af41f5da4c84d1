// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * put_program PLACE DEVICE [TARGET]: puts a BPF program on a device, says so, and takes it off when
 * it is ended. With a TARGET the program redirects every frame there, as those of container
 * networks do; without, it lets all pass.
 *
 *   PLACE  ingress, egress: by TCX, before the programs that are there; after-ingress,
 *          after-egress: after them; xdp
 */
#include <err.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From include/uapi/linux/bpf.h of Linux 6.6. */
#define ATTACH_TYPE_TCX_INGRESS 46
#define ATTACH_TYPE_TCX_EGRESS  47
#define FLAG_BEFORE             (1U << 3)
#define VERDICT_TCX_NEXT        (-1)

struct place {
	const char *name;
	uint32_t program_type, attach_type, flags;
	int pass;
};

static const struct place places[] = {
	{"ingress", BPF_PROG_TYPE_SCHED_CLS, ATTACH_TYPE_TCX_INGRESS, FLAG_BEFORE,
	 VERDICT_TCX_NEXT},
	{"egress", BPF_PROG_TYPE_SCHED_CLS, ATTACH_TYPE_TCX_EGRESS, FLAG_BEFORE, VERDICT_TCX_NEXT},
	{"after-ingress", BPF_PROG_TYPE_SCHED_CLS, ATTACH_TYPE_TCX_INGRESS, 0, VERDICT_TCX_NEXT},
	{"after-egress", BPF_PROG_TYPE_SCHED_CLS, ATTACH_TYPE_TCX_EGRESS, 0, VERDICT_TCX_NEXT},
	{"xdp", BPF_PROG_TYPE_XDP, BPF_XDP, XDP_FLAGS_SKB_MODE, XDP_PASS},
};

static const struct place *find_place(const char *name)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strcmp(places[i].name, name) == 0)
			return &places[i];
	}
	errx(2, "%s is no place for a program", name);
}

static unsigned int find_device(const char *name)
{
	unsigned int ifindex = if_nametoindex(name);

	if (!ifindex)
		err(1, "%s", name);
	return ifindex;
}

static int load_program(const struct place *place, unsigned int target)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = place->pass},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const struct bpf_insn redirect[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = (int)target},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = place->program_type,
		.insns = (uint64_t)(uintptr_t)(target ? redirect : pass),
		.insn_cnt = target ? 4 : 2,
		.license = (uint64_t)(uintptr_t) "GPL",
		.prog_name = "put_program",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (program < 0)
		err(1, "the program cannot be loaded");
	return program;
}

/* The link ends with the process. */
static void attach(const struct place *place, int program, unsigned int ifindex)
{
	union bpf_attr attr = {
		.link_create =
			{
				.prog_fd = (uint32_t)program,
				.target_ifindex = ifindex,
				.attach_type = place->attach_type,
				.flags = place->flags,
			},
	};

	if (syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) < 0)
		err(1, "the program cannot be attached");
}

int main(int argc, char **argv)
{
	const struct place *place;

	if (argc < 3 || argc > 4)
		errx(2, "expected PLACE DEVICE [TARGET]");
	place = find_place(argv[1]);
	attach(place, load_program(place, argc > 3 ? find_device(argv[3]) : 0),
	       find_device(argv[2]));
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
