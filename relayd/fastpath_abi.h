#ifndef RELAYD_FASTPATH_ABI_H
#define RELAYD_FASTPATH_ABI_H

#include <linux/types.h>

#include "relayd/quality_step.h"

/*
 * What relayd and its kernel program have in common: the keys and values of
 * the maps. Addresses and ports in network order, the rest in the host's.
 */

enum {
	/* of all below; one more where a map or its meaning changes */
	FASTPATH_ABI = 1,
	FASTPATH_TYPES = 4,
	FASTPATH_TYPE_NONE = 0xff,
	/* a handed-up packet has left the host, whatever CPU it took */
	FASTPATH_GAP_NS = 500000,
	FASTPATH_RTP_HEADER = 12,
};

/* A packet as it comes. */
struct fastpath_key4 {
	__be32 saddr, daddr;
	__be16 sport, dport;
};

struct fastpath_key6 {
	__be32 saddr[4], daddr[4];
	__be16 sport, dport;
};

/* As it leaves, and where. IPv4 addresses in the first word. */
struct fastpath_hop {
	__u32 slot; /* index into the slots */
	__u32 mtu;  /* the largest IP packet for that way */
	/* what the rewriting adds to a checksum (RFC 1624) */
	__u32 sum_addresses, sum_ports;
	__u32 ifindex;
	__u16 gateway_family; /* AF_INET or AF_INET6 */
	__u8 tos;             /* DSCP in its upper six bits, ECN zero */
	__u8 pad;
	__be16 sport, dport;
	__be32 saddr[4], daddr[4];
	__be32 gateway[4]; /* the next hop: a gateway, or daddr itself */
};

/*
 * One direction of one stream, in memory that both sides have mapped. While the
 * kernel program forwards (`fast`) it alone writes what is not relayd's.
 *
 * So that no packet overtakes another, the program itself begins to forward:
 * it notes each RTP packet that it hands up, relayd notes each one that it is
 * done with, and once the two are the same nothing is on its way in between.
 * `heard` goes back and forth the same way: relayd writes it before `done`, the
 * program goes on from there, and relayd reads it before the next packet.
 */
struct fastpath_slot {
	__u64 packets, bytes; /* forwarded, UDP payload */
	__u64 last;           /* the last of them, CLOCK_MONOTONIC ns */
	__u32 fast;           /* the program forwards; relayd may end it */
	__u32 turn;           /* odd while the program writes `heard` */
	/* relayd's: the payload types seen, the clock of each (Hz, 0: not
	 * timed). Others are handed up. */
	__u8 types[FASTPATH_TYPES];
	__u32 rates[FASTPATH_TYPES];
	struct quality heard;
	__u64 up; /* last RTP packet handed up; 0: none yet */
	__u64 up_at;
	__u64 done; /* relayd's */
} __attribute__((aligned(64)));

struct fastpath_beat {
	__u64 last;     /* sign of life of relayd, CLOCK_MONOTONIC ns */
	__u64 limit;    /* ns without one, after which nothing is forwarded */
	__u64 identity; /* of the maps: what they are laid out for */
	__u64 netns;    /* inode of the network namespace they are for */
};

/* Tells one RTP packet of a flow from the others: number and timestamp. */
static inline __u64 fastpath_mark(__u16 seq, __u32 timestamp)
{
	return 1ULL << 48 | (__u64)seq << 32 | timestamp;
}

#endif
