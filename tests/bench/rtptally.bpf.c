/*
 * Counts what the relay brings back: tc ingress on the phones' interface. What
 * bears a mark of rtpload is counted and gone, before the IP layer and any
 * socket, so that counting costs far less than relaying; the rest goes up.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "rtptally.h"

enum { NS_PER_US = 1000 };

struct frame {
	struct ethhdr eth;
	struct iphdr ip; /* without options */
	struct udphdr udp;
	__u8 rtp[RTPTALLY_RTP];
	struct rtptally_mark mark;
} __attribute__((packed));

struct rtptally tally;

static void count(const struct frame *f)
{
	__u64 us = (bpf_ktime_get_ns() - f->mark.sent_ns) / NS_PER_US;

	if (f->mark.step != tally.step)
		return;
	if (f->ip.daddr != f->mark.to || f->udp.dest != f->mark.to_port) {
		__sync_fetch_and_add(&tally.misrouted, 1);
		return;
	}
	if (us >= RTPTALLY_LATENCY_US)
		us = RTPTALLY_LATENCY_US - 1;
	__sync_fetch_and_add(&tally.latency[us], 1);
	__sync_fetch_and_add(&tally.received, 1);
}

static const struct frame *frame_of(const struct __sk_buff *skb)
{
	const struct frame *f = (void *)(long)skb->data;

	return (const void *)(f + 1) > (void *)(long)skb->data_end ? NULL : f;
}

SEC("tc")
int rtptally(struct __sk_buff *skb)
{
	const struct frame *f = frame_of(skb);

	/* A relay that batches (UDP_SEGMENT) leaves packets in pieces. */
	if (!f && !bpf_skb_pull_data(skb, sizeof(*f)))
		f = frame_of(skb);
	if (!f || f->eth.h_proto != bpf_htons(ETH_P_IP) || f->ip.ihl != 5 ||
	    f->ip.protocol != IPPROTO_UDP || f->mark.magic != RTPTALLY_MAGIC)
		return TC_ACT_OK;
	count(f);
	return TC_ACT_SHOT;
}

char program_license[] SEC("license") = "MIT";
