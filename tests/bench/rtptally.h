/*
 * What rtpload, which sends, and rtptally.bpf.c, which counts what comes back,
 * share: a mark in every packet, and the counts.
 */
#ifndef TESTS_BENCH_RTPTALLY_H
#define TESTS_BENCH_RTPTALLY_H

#include <linux/types.h>

#define RTPTALLY_MAGIC      0x50686c64u
#define RTPTALLY_LATENCY_US (1 << 17)

enum {
	RTPTALLY_PAYLOAD = 172, /* 20 ms of G.711 with its RTP header */
	RTPTALLY_RTP = 12,      /* RFC 3550 5.1 */
};

/* Behind the RTP header. Addresses and port in network byte order. */
struct rtptally_mark {
	__u32 magic;
	__u32 step; /* packets of an earlier one do not count */
	__u64 sent_ns;
	__u32 to; /* where the relay is to bring it */
	__u16 to_port;
	__u16 zero;
} __attribute__((packed));

struct rtptally {
	__u32 step;
	__u32 spare;
	__u64 received;
	__u64 misrouted; /* came, but not to whom it belongs */
	__u32 latency[RTPTALLY_LATENCY_US];
};

#endif
