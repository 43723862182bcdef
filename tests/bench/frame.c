#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "frame.h"

enum {
	IP_HEADER = 20,
	TTL = 64,
	SAMPLES = 160, /* in 20 ms */
	UDP_LEN = sizeof(struct udphdr) + RTPTALLY_PAYLOAD,
};

static uint32_t sum16(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void init_ip(struct frame *f, const struct frame_ends *e)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = IP_HEADER / 4,
		.tot_len = htons(IP_HEADER + UDP_LEN),
		.frag_off = htons(IP_DF),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
		.saddr = e->from.sin_addr.s_addr,
		.daddr = e->to.sin_addr.s_addr,
	};

	ip.check = htons((uint16_t)~fold(sum16(0, &ip, sizeof(ip))));
	f->ip = ip;
}

/* The checksum is that of the pseudo-header alone. */
static void init_udp(struct frame *f, const struct frame_ends *e)
{
	uint32_t sum = IPPROTO_UDP + UDP_LEN;

	sum = sum16(sum, &e->from.sin_addr, sizeof(e->from.sin_addr));
	sum = sum16(sum, &e->to.sin_addr, sizeof(e->to.sin_addr));
	f->udp.source = e->from.sin_port;
	f->udp.dest = e->to.sin_port;
	f->udp.len = htons(UDP_LEN);
	f->udp.check = htons(fold(sum));
	f->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->vnet.csum_start = sizeof(f->eth) + sizeof(f->ip);
	f->vnet.csum_offset = offsetof(struct udphdr, check);
}

void frame_init(struct frame *f, const struct frame_ends *ends, uint32_t ssrc)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->eth.h_dest, ends->to_mac, ETH_ALEN);
	memcpy(f->eth.h_source, ends->from_mac, ETH_ALEN);
	f->eth.h_proto = htons(ETH_P_IP);
	init_ip(f, ends);
	init_udp(f, ends);
	f->rtp.vpxcc = 0x80;
	f->rtp.ssrc = htonl(ssrc);
	f->mark.magic = RTPTALLY_MAGIC;
	f->mark.to = ends->comes_to.sin_addr.s_addr;
	f->mark.to_port = ends->comes_to.sin_port;
}

void frame_next(struct frame *f, uint32_t step, uint64_t now_ns)
{
	f->rtp.seq = htons((uint16_t)(ntohs(f->rtp.seq) + 1));
	f->rtp.timestamp = htonl(ntohl(f->rtp.timestamp) + SAMPLES);
	f->mark.step = step;
	f->mark.sent_ns = now_ns;
}
