/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * BPF_PROG_TEST_RUN takes no VLAN tag in skb metadata, where the kernel keeps it on a real device.
 * This program puts one there and goes on with the program under test.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

/* cb[0]: EtherType of the tag; cb[1]: tag; cb[2]: which program comes next. */
SEC("tc")
int push_tag(struct __sk_buff *skb)
{
	__u32 next = skb->cb[2];

	if (bpf_skb_vlan_push(skb, bpf_htons(skb->cb[0]), skb->cb[1]))
		return TC_ACT_STOLEN;
	skb->cb[0] = 0;
	skb->cb[1] = 0;
	skb->cb[2] = 0;
	bpf_tail_call(skb, &programs, next);
	return TC_ACT_STOLEN; /* nothing that vmseg returns: the test fails */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
