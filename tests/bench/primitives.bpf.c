/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * What the datapath is made of, one piece a program, each on warm data: see bench_primitives.c.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#define ENTRIES 1024

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

/* Keys of the size of an ifindex and of a session key. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} hash_4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRIES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct session_key));
	__uint(value_size, sizeof(struct session));
} hash_session SEC(".maps");

struct lpm_key {
	__u32 bits;
	__u32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, ENTRIES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lpm_key);
	__type(value, __u64);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23); /* more than a round fills */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

struct session_key key;
struct session new_session;
__u64 sink;

SEC("tc")
int empty(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_OK;
}

SEC("tc")
int array_look_up(struct __sk_buff *skb)
{
	__u32 index = skb->mark & (ENTRIES - 1);
	__u64 *value = bpf_map_lookup_elem(&array, &index);

	if (value)
		sink = *value;
	return TC_ACT_OK;
}

SEC("tc")
int per_cpu_count(struct __sk_buff *skb)
{
	__u32 index = skb->mark & (ENTRIES - 1);
	__u64 *value = bpf_map_lookup_elem(&per_cpu, &index);

	if (value)
		++*value;
	return TC_ACT_OK;
}

SEC("tc")
int hash_look_up_4(struct __sk_buff *skb)
{
	__u32 index = skb->mark & (ENTRIES - 1);
	__u64 *value = bpf_map_lookup_elem(&hash_4, &index);

	if (value)
		sink = *value;
	return TC_ACT_OK;
}

SEC("tc")
int hash_look_up_session(struct __sk_buff *skb __attribute__((unused)))
{
	struct session *value = bpf_map_lookup_elem(&hash_session, &key);

	if (value)
		sink = value->generation;
	return TC_ACT_OK;
}

SEC("tc")
int hash_insert_and_delete(struct __sk_buff *skb __attribute__((unused)))
{
	struct session_key other = key;

	other.protocol = 255;
	bpf_map_update_elem(&hash_session, &other, &new_session, BPF_ANY);
	bpf_map_delete_elem(&hash_session, &other);
	return TC_ACT_OK;
}

SEC("tc")
int trie_look_up(struct __sk_buff *skb)
{
	struct lpm_key address = {32, skb->mark};
	__u64 *value = bpf_map_lookup_elem(&trie, &address);

	if (value)
		sink = *value;
	return TC_ACT_OK;
}

SEC("tc")
int clock_jiffies(struct __sk_buff *skb __attribute__((unused)))
{
	sink = bpf_jiffies64();
	return TC_ACT_OK;
}

SEC("tc")
int clock_ktime(struct __sk_buff *skb __attribute__((unused)))
{
	sink = bpf_ktime_get_ns();
	return TC_ACT_OK;
}

SEC("tc")
int random_number(struct __sk_buff *skb __attribute__((unused)))
{
	sink = bpf_get_prandom_u32();
	return TC_ACT_OK;
}

SEC("tc")
int read_headers(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *ethernet = data;
	struct iphdr *ip = (void *)(ethernet + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end)
		return TC_ACT_SHOT;
	sink = ethernet->h_proto + ip->saddr + ip->daddr + tcp->source + tcp->dest + tcp->seq;
	return TC_ACT_OK;
}

SEC("tc")
int load_bytes(struct __sk_buff *skb)
{
	__u8 bytes[sizeof(struct iphdr) + sizeof(struct tcphdr)];

	if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr), bytes, sizeof(bytes)) < 0)
		return TC_ACT_SHOT;
	sink = bytes[0];
	return TC_ACT_OK;
}

SEC("tc")
int tail_call(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &targets, 0);
	return TC_ACT_SHOT;
}

__attribute__((noinline)) int add_mark(struct __sk_buff *skb)
{
	return skb->mark + 1;
}

SEC("tc")
int function_call(struct __sk_buff *skb)
{
	sink = add_mark(skb);
	return TC_ACT_OK;
}

/* Nobody is woken up: its reader looks between the rounds. */
SEC("tc")
int ring_record(struct __sk_buff *skb __attribute__((unused)))
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return TC_ACT_SHOT;
	event->reason = 0;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
