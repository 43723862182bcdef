/*
 * The kernel's part of the fast path: tc ingress on the interface of the media
 * address. RTP from the proven source of one side is rewritten and sent to the
 * other; everything else goes up to relayd as if this were not here.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "relayd/fastpath_abi.h"

enum {
	AF_INET = 2,
	IP_MORE_FRAGMENTS = 0x2000,
	IP_FRAGMENT_OFFSET = 0x1fff,
	IP_HEADER = 20,
	IP6_HEADER = 40,
	RTCP_TYPE_MIN = 192, /* RFC 5761 4 */
	RTCP_TYPE_MAX = 223,
};

/* Sizes are set by relayd before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct fastpath_key4);
	__type(value, struct fastpath_hop);
} flows4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct fastpath_key6);
	__type(value, struct fastpath_hop);
} flows6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fastpath_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fastpath_beat);
} beat SEC(".maps");

struct rtp {
	__u8 vpxcc;
	__u8 mpt;
	__be16 seq;
	__be32 timestamp;
	__be32 ssrc;
};

/* What is left of a packet once it may no longer be touched. */
struct facts {
	__u32 size;    /* of the IP packet */
	__u32 payload; /* of the UDP datagram */
	__u32 timestamp, ssrc;
	__u16 seq;
	__u8 type;
	__u8 whole; /* and not its first fragment */
};

/* UDP that carries RTP and, where it is whole, fills its IP packet, or nothing
 * for us. */
static __always_inline int read_rtp(struct facts *f, const struct udphdr *udp,
				    __u32 udp_len, const void *end)
{
	const struct rtp *rtp = (const void *)(udp + 1);

	if ((const void *)(rtp + 1) > end ||
	    (f->whole && bpf_ntohs(udp->len) != udp_len) ||
	    udp_len < sizeof(*udp) + sizeof(*rtp))
		return 0;
	if (rtp->vpxcc >> 6 != 2 ||
	    (rtp->mpt >= RTCP_TYPE_MIN && rtp->mpt <= RTCP_TYPE_MAX))
		return 0;
	f->payload = udp_len - sizeof(*udp);
	f->timestamp = bpf_ntohl(rtp->timestamp);
	f->ssrc = bpf_ntohl(rtp->ssrc);
	f->seq = bpf_ntohs(rtp->seq);
	f->type = rtp->mpt & 0x7f;
	return 1;
}

static __always_inline int alive(__u64 now)
{
	const struct fastpath_beat *b;
	__u32 zero = 0;

	b = bpf_map_lookup_elem(&beat, &zero);
	return b && now - b->last < b->limit;
}

/* The clock of a payload type that relayd has seen. */
static __always_inline int
read_rate(__u32 *rate, const struct fastpath_slot *slot, __u8 type)
{
#pragma unroll
	for (int i = 0; i < FASTPATH_TYPES; i++) {
		if (slot->types[i] != type)
			continue;
		*rate = slot->rates[i];
		return 1;
	}
	return 0;
}

/* Whether this packet may go ahead of all that relayd has had. */
static __always_inline int admit(struct fastpath_slot *slot, int fits,
				 const struct facts *f, __u64 now)
{
	if (slot->fast && fits)
		return 1;
	if (fits && slot->up && slot->up == *(volatile __u64 *)&slot->done &&
	    now - slot->up_at >= FASTPATH_GAP_NS) {
		slot->fast = 1;
		return 1;
	}
	slot->fast = 0;
	slot->up = fastpath_mark(f->seq, f->timestamp);
	slot->up_at = now;
	return 0;
}

static __always_inline void count(struct fastpath_slot *slot,
				  const struct facts *f, __u32 rate, __u64 now)
{
	const struct quality_packet p = {
		.arrival_ns = now,
		.ssrc = f->ssrc,
		.timestamp = f->timestamp,
		.rate = rate,
		.seq = f->seq,
	};

	__sync_fetch_and_add(&slot->packets, 1);
	__sync_fetch_and_add(&slot->bytes, f->payload);
	slot->last = now;
	(*(volatile __u32 *)&slot->turn)++;
	barrier();
	quality_step(&slot->heard, &p);
	barrier();
	(*(volatile __u32 *)&slot->turn)++;
}

static __always_inline struct fastpath_slot *
take(const struct fastpath_hop *hop, const struct facts *f)
{
	struct fastpath_slot *slot;
	__u32 index = hop->slot, rate;
	__u64 now;
	int fits;

	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot)
		return NULL;
	now = bpf_ktime_get_ns();
	fits = f->whole && f->size <= hop->mtu &&
	       read_rate(&rate, slot, f->type) && alive(now);
	if (!admit(slot, fits, f, now))
		return NULL;
	count(slot, f, rate, now);
	return slot;
}

/* The checksum knows addresses, by way of the pseudo header, and ports; a zero
 * one (none, IPv4 only) stays zero. */
static __always_inline int fix_udp(struct __sk_buff *skb, __u32 at,
				   const struct fastpath_hop *hop)
{
	at += offsetof(struct udphdr, check);
	return bpf_l4_csum_replace(skb, at, 0, hop->sum_addresses,
				   BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0) ||
	       bpf_l4_csum_replace(skb, at, 0, hop->sum_ports,
				   BPF_F_MARK_MANGLED_0);
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16) ~((sum & 0xffff) + (sum >> 16));
}

static __always_inline int redirect(const struct fastpath_hop *hop)
{
	struct bpf_redir_neigh nh = {.nh_family = hop->gateway_family};

	if (hop->gateway_family == AF_INET)
		nh.ipv4_nh = hop->gateway[0];
	else
		__builtin_memcpy(nh.ipv6_nh, hop->gateway, sizeof(nh.ipv6_nh));
	return bpf_redirect_neigh(hop->ifindex, &nh, sizeof(nh), 0);
}

static __always_inline __u16 head16(const struct iphdr *ip, __u32 word)
{
	return ((const __u16 *)ip)[word];
}

static __always_inline int send4(struct __sk_buff *skb,
				 const struct fastpath_hop *hop)
{
	struct udphdr *udp;
	struct iphdr *ip;
	char *data, *end;
	__u64 sum;

	if (fix_udp(skb, ETH_HLEN + IP_HEADER, hop))
		return TC_ACT_SHOT;
	data = (char *)(long)skb->data;
	end = (char *)(long)skb->data_end;
	ip = (void *)(data + ETH_HLEN);
	udp = (void *)(ip + 1);
	if ((char *)(udp + 1) > end)
		return TC_ACT_SHOT;
	sum = (__u64)(__u16)~ip->check + hop->sum_addresses +
	      (__u16)~head16(ip, 0) + (__u16)~head16(ip, 4);
	ip->saddr = hop->saddr[0];
	ip->daddr = hop->daddr[0];
	ip->tos = hop->tos;
	ip->ttl--;
	ip->check = fold(sum + head16(ip, 0) + head16(ip, 4));
	udp->source = hop->sport;
	udp->dest = hop->dport;
	return redirect(hop);
}

static __always_inline int handle4(struct __sk_buff *skb)
{
	const char *data = (const char *)(long)skb->data;
	const char *end = (const char *)(long)skb->data_end;
	const struct iphdr *ip = (const void *)(data + ETH_HLEN);
	const struct udphdr *udp = (const void *)(ip + 1);
	const struct fastpath_hop *hop;
	struct fastpath_key4 key;
	struct facts f;

	if ((const char *)(udp + 1) > end || ip->version != 4 || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP || ip->ttl < 2 ||
	    ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return TC_ACT_UNSPEC;
	f.whole = !(ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS));
	f.size = bpf_ntohs(ip->tot_len);
	if (f.size > skb->len - ETH_HLEN || f.size < IP_HEADER ||
	    !read_rtp(&f, udp, f.size - IP_HEADER, end))
		return TC_ACT_UNSPEC;
	key.saddr = ip->saddr;
	key.daddr = ip->daddr;
	key.sport = udp->source;
	key.dport = udp->dest;
	hop = bpf_map_lookup_elem(&flows4, &key);
	if (!hop || !take(hop, &f))
		return TC_ACT_UNSPEC;
	return send4(skb, hop);
}

static __always_inline int send6(struct __sk_buff *skb,
				 const struct fastpath_hop *hop)
{
	struct udphdr *udp;
	struct ipv6hdr *ip;
	char *data, *end;

	if (fix_udp(skb, ETH_HLEN + IP6_HEADER, hop))
		return TC_ACT_SHOT;
	data = (char *)(long)skb->data;
	end = (char *)(long)skb->data_end;
	ip = (void *)(data + ETH_HLEN);
	udp = (void *)(ip + 1);
	if ((char *)(udp + 1) > end)
		return TC_ACT_SHOT;
	__builtin_memcpy(&ip->saddr, hop->saddr, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, hop->daddr, sizeof(ip->daddr));
	ip->priority = hop->tos >> 4;
	ip->flow_lbl[0] = (__u8)(hop->tos << 4) | (ip->flow_lbl[0] & 0x0f);
	ip->hop_limit--;
	udp->source = hop->sport;
	udp->dest = hop->dport;
	return redirect(hop);
}

static __always_inline int handle6(struct __sk_buff *skb)
{
	const char *data = (const char *)(long)skb->data;
	const char *end = (const char *)(long)skb->data_end;
	const struct ipv6hdr *ip = (const void *)(data + ETH_HLEN);
	const struct udphdr *udp = (const void *)(ip + 1);
	const struct fastpath_hop *hop;
	struct fastpath_key6 key;
	struct facts f;
	__u32 udp_len;

	/* Extension headers, fragments among them, are another next header. */
	if ((const char *)(udp + 1) > end || ip->version != 6 ||
	    ip->nexthdr != IPPROTO_UDP || ip->hop_limit < 2 || !udp->check)
		return TC_ACT_UNSPEC;
	udp_len = bpf_ntohs(ip->payload_len);
	f.whole = 1;
	f.size = udp_len + IP6_HEADER;
	if (f.size > skb->len - ETH_HLEN || !read_rtp(&f, udp, udp_len, end))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(key.saddr, &ip->saddr, sizeof(key.saddr));
	__builtin_memcpy(key.daddr, &ip->daddr, sizeof(key.daddr));
	key.sport = udp->source;
	key.dport = udp->dest;
	hop = bpf_map_lookup_elem(&flows6, &key);
	if (!hop || !take(hop, &f))
		return TC_ACT_UNSPEC;
	return send6(skb, hop);
}

/* Some drivers leave all behind the first headers in pages. */
static __always_inline void pull(struct __sk_buff *skb, __u32 ip_header)
{
	__u32 need = ETH_HLEN + ip_header + sizeof(struct udphdr) +
		     sizeof(struct rtp);

	if ((char *)(long)skb->data + need > (char *)(long)skb->data_end &&
	    skb->len >= need)
		bpf_skb_pull_data(skb, need);
}

SEC("tc")
int fastpath(struct __sk_buff *skb)
{
	if (skb->gso_segs > 1) /* several datagrams in one */
		return TC_ACT_UNSPEC;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		pull(skb, IP_HEADER);
		return handle4(skb);
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		pull(skb, IP6_HEADER);
		return handle6(skb);
	}
	return TC_ACT_UNSPEC;
}

char program_license[] SEC("license") = "MIT";
