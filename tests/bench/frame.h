/* The packets of one stream as they go on the wire, made once. */
#ifndef TESTS_BENCH_FRAME_H
#define TESTS_BENCH_FRAME_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>

#include "rtptally.h"

struct frame_rtp {
	uint8_t vpxcc;
	uint8_t mpt;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc;
} __attribute__((packed));
_Static_assert(sizeof(struct frame_rtp) == RTPTALLY_RTP, "RFC 3550 5.1");

/* What differs from stream to stream and from packet to packet; the rest of
 * the payload is the same for all. In front what AF_PACKET takes with
 * PACKET_VNET_HDR: the checksum is left to be filled in, as it is when a
 * socket sends over this interface. */
struct frame {
	struct virtio_net_hdr vnet;
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct frame_rtp rtp;
	struct rtptally_mark mark;
} __attribute__((packed));

enum {
	FRAME_REST = RTPTALLY_PAYLOAD - RTPTALLY_RTP -
		     (int)sizeof(struct rtptally_mark)
};

struct frame_ends {
	uint8_t from_mac[ETH_ALEN];
	uint8_t to_mac[ETH_ALEN];
	struct sockaddr_in from;
	struct sockaddr_in to;
	struct sockaddr_in comes_to; /* behind the relay */
};

/* The first packet of a stream. */
void frame_init(struct frame *f, const struct frame_ends *ends, uint32_t ssrc);

/* The next one, sent now in that step. */
void frame_next(struct frame *f, uint32_t step, uint64_t now_ns);

#endif
