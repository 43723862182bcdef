/*
 * Sends every UDP packet back to where it came from, where it comes in: what
 * is in a daemon's place when the load itself is measured. Checksums stay
 * right, as what they sum up only changes places.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

static void swap_mac(struct ethhdr *eth)
{
	unsigned char mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
}

SEC("tc")
int sipecho(struct __sk_buff *skb)
{
	struct packet *p = (void *)(long)skb->data;
	__be32 ip;
	__be16 port;

	if ((void *)(p + 1) > (void *)(long)skb->data_end ||
	    p->eth.h_proto != bpf_htons(ETH_P_IP) || p->ip.ihl != 5 ||
	    p->ip.protocol != IPPROTO_UDP)
		return TC_ACT_OK;
	ip = p->ip.saddr;
	p->ip.saddr = p->ip.daddr;
	p->ip.daddr = ip;
	port = p->udp.source;
	p->udp.source = p->udp.dest;
	p->udp.dest = port;
	swap_mac(&p->eth);
	return (int)bpf_redirect(skb->ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
