/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * BPF_PROG_TEST_RUN repeats one packet. These programs make another flow's of it each time, inside
 * the kernel, and go on with the program that is measured: so a figure over many flows has no
 * system calls in it. What the walk itself costs is measured with the empty program behind it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"
#include "tests/bench/walk.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, WALK_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

/* A session table without vmseg around it: what one look-up alone costs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1); /* set at load */
	__uint(key_size, sizeof(struct session_key));
	__uint(value_size, sizeof(struct session));
} bare_table SEC(".maps");

/* The one of the programs that are measured. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PORT_INDEX_ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} port_index SEC(".maps");

struct walk walk = {.flows = 1};

/* The flow of the next packet: all of them in turn, by strides, so that no cache or prefetcher sees
 * it coming. */
static __always_inline __u32 take_flow(void)
{
	__u32 flow = walk.next;

	walk.next = flow + walk.stride;
	if (walk.next >= walk.flows)
		walk.next -= walk.flows;
	return walk.first + flow;
}

/* A test run is always on the loopback device: it becomes the port that the flow belongs to. */
static __always_inline void turn_to_port(struct __sk_buff *skb, __u32 flow)
{
	__u32 ifindex = skb->ifindex;
	__u64 *number = bpf_map_lookup_elem(&port_index, &ifindex);

	if (number && walk.ports)
		*number = walk.record + 2 * (flow % walk.ports) + 1;
}

SEC("tc")
int walk_flows(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 flow = take_flow();
	__u16 *address = data + (walk.remote_at & WALK_OFFSET_MASK);
	__u16 *port = data + (walk.port_at & WALK_OFFSET_MASK);

	if ((void *)(address + 1) > end || (void *)(port + 1) > end)
		return TC_ACT_STOLEN;
	*address = bpf_htons(flow / WALK_PORTS);
	*port = bpf_htons(WALK_FIRST_PORT + flow % WALK_PORTS);
	turn_to_port(skb, flow);
	bpf_tail_call(skb, &targets, walk.target);
	return TC_ACT_STOLEN; /* nothing that vmseg returns: the bench fails */
}

SEC("tc")
int empty(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

static __always_inline void set_bare_key(struct session_key *key, __u32 flow)
{
	key->remote[2] = bpf_htonl(0xffff);
	key->remote[3] = flow / WALK_PORTS;
	key->local_port = bpf_htons(WALK_FIRST_PORT + flow % WALK_PORTS);
	key->protocol = IPPROTO_TCP;
}

SEC("tc")
int look_up_bare(struct __sk_buff *skb __attribute__((unused)))
{
	struct session_key key = {};

	set_bare_key(&key, take_flow());
	return bpf_map_lookup_elem(&bare_table, &key) ? TC_ACT_UNSPEC : TC_ACT_STOLEN;
}

SEC("tc")
int insert_bare(struct __sk_buff *skb __attribute__((unused)))
{
	struct session_key key = {};
	struct session session = {};

	set_bare_key(&key, take_flow());
	return bpf_map_update_elem(&bare_table, &key, &session, BPF_NOEXIST) ? TC_ACT_STOLEN
									     : TC_ACT_UNSPEC;
}

/* The key as vmseg makes it, by whole words, of an IPv4 packet whose transport header has ports and
 * which nobody has to doubt. */
static __always_inline int read_flow(struct __sk_buff *skb, struct session_key *key)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 *ports = (void *)(ip + 1);
	int out = skb->ingress_ifindex == skb->ifindex;

	if ((void *)(ports + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	key->remote[2] = bpf_htonl(0xffff);
	key->local[2] = bpf_htonl(0xffff);
	key->remote[3] = out ? ip->daddr : ip->saddr;
	key->local[3] = out ? ip->saddr : ip->daddr;
	*(__u32 *)&key->remote_port = out ? *ports << 16 | *ports >> 16 : *ports;
	*(__u32 *)&key->protocol = bpf_htonl((__u32)ip->protocol << 24);
	return 1;
}

/* For a device: each flow's first packet puts it into the table. */
SEC("tc")
int follow_bare(struct __sk_buff *skb)
{
	struct session_key key = {};
	struct session session = {};

	if (read_flow(skb, &key) && !bpf_map_lookup_elem(&bare_table, &key))
		bpf_map_update_elem(&bare_table, &key, &session, BPF_NOEXIST);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
