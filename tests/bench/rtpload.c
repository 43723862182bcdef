/*
 * RTP load for whatever carries packets from one phone to another: streams of
 * 172-byte packets (20 ms of G.711), sent at a paced rate and counted where
 * they come back.
 *
 *   rtpload [-k BURST] [-f SAME] INTERFACE TO_MAC OBJECT STREAMS
 *
 * STREAMS is a file with a line for each: IP and port it comes from, IP and
 * port it is sent to, IP and port it is to come out at. Packets go out in the
 * order of the lines, BURST back to back, SAME of one stream in a row. Each
 * line "RATE SECONDS" on standard input runs one step and prints one line of
 * JSON; end of file ends the program.
 *
 * Frames are made once and go out at the interface (AF_PACKET), so that
 * neither sockets nor routes are in the way, and what comes back is counted
 * by OBJECT (rtptally.bpf.c) as it comes in: the load costs a fraction of
 * what relaying does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "tally.h"

enum {
	BURST_MAX = 256,
	DRAIN_LOOK_NS = 1000 * 1000,
	DRAIN_LOOKS = 200, /* with nothing new */
};
#define NS_PER_S 1000000000ULL

struct load {
	int fd;
	int ifindex;
	uint8_t from_mac[ETH_ALEN];
	uint8_t to_mac[ETH_ALEN];
	struct frame *frames; /* one a stream */
	size_t nframes;
	size_t next;
	unsigned burst;
	unsigned same;
	unsigned row; /* packets of the next stream sent so far */
	struct tally *tally;
	uint32_t step;
	uint64_t sent;
	uint64_t overrun; /* of these, not taken by the relay's kernel */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* A copy, for a stream may be there more than once in a burst. */
static void load_take(struct load *l, struct frame *out, uint64_t now)
{
	struct frame *f = &l->frames[l->next];

	frame_next(f, l->step, now);
	memcpy(out, f, sizeof(*out));
	if (++l->row < l->same)
		return;
	l->row = 0;
	if (++l->next == l->nframes)
		l->next = 0;
}

/* One burst, back to back. */
static void load_send(struct load *l)
{
	static struct frame frames[BURST_MAX];
	static uint8_t rest[FRAME_REST];
	static struct mmsghdr msgs[BURST_MAX];
	static struct iovec iov[BURST_MAX][2];
	uint64_t now = now_ns();
	unsigned i, done = 0;
	int n;

	for (i = 0; i < l->burst; i++) {
		load_take(l, &frames[i], now);
		iov[i][0] = (struct iovec){&frames[i], sizeof(frames[i])};
		iov[i][1] = (struct iovec){rest, sizeof(rest)};
		msgs[i].msg_hdr.msg_iov = iov[i];
		msgs[i].msg_hdr.msg_iovlen = 2;
	}
	while (done < l->burst) {
		n = sendmmsg(l->fd, msgs + done, l->burst - done, MSG_DONTWAIT);
		/* the other end's queue is full: lost like any other */
		if (n < 0)
			l->overrun++;
		done += n < 0 ? 1 : (unsigned)n;
	}
	l->sent += l->burst;
}

/* Wait for what is still under way. */
static void load_drain(const struct load *l)
{
	const struct timespec look = {.tv_nsec = DRAIN_LOOK_NS};
	const struct rtptally *counts = tally_counts(l->tally);
	const volatile __u64 *received = &counts->received;
	uint64_t before = 0;
	unsigned quiet = 0;

	while (*received < l->sent && quiet < DRAIN_LOOKS) {
		quiet = *received == before ? quiet + 1 : 0;
		before = *received;
		nanosleep(&look, NULL);
	}
}

/* Bursts fall due on a fixed schedule. It spins: a timer would be late by more
 * than a packet takes through the relay. Returns the nanoseconds it took. */
static uint64_t load_step(struct load *l, double rate, double seconds)
{
	uint64_t start = now_ns(), now = start;
	uint64_t end = start + (uint64_t)(seconds * (double)NS_PER_S);
	double gap = (double)l->burst * (double)NS_PER_S / rate;
	double due = 0;

	l->sent = 0;
	l->overrun = 0;
	tally_start(l->tally, ++l->step);
	for (; now < end; now = now_ns()) {
		if (due > (double)(now - start))
			continue;
		load_send(l);
		due += gap;
	}
	return now - start;
}

static void load_print(const struct load *l, uint64_t took_ns)
{
	const struct rtptally *c = tally_counts(l->tally);

	printf("{\"seconds\": %.3f, \"sent\": %" PRIu64 ", \"received\": "
	       "%llu, \"misrouted\": %llu, \"overrun\": %" PRIu64
	       ", \"p50_us\": %" PRIu32 ", \"p99_us\": %" PRIu32 "}\n",
	       (double)took_ns / (double)NS_PER_S, l->sent, c->received,
	       c->misrouted, l->overrun, tally_percentile(l->tally, 0.50),
	       tally_percentile(l->tally, 0.99));
	(void)fflush(stdout);
}

static int parse_addr(struct sockaddr_in *sin, const char *ip, unsigned port)
{
	*sin = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
	};
	return port > 0 && port <= UINT16_MAX &&
			       inet_pton(AF_INET, ip, &sin->sin_addr) == 1
		       ? 0
		       : -EINVAL;
}

static int load_add(struct load *l, struct frame_ends *ends)
{
	struct frame *f =
		reallocarray(l->frames, l->nframes + 1, sizeof(*l->frames));

	if (!f)
		return -ENOMEM;
	l->frames = f;
	memcpy(ends->from_mac, l->from_mac, ETH_ALEN);
	memcpy(ends->to_mac, l->to_mac, ETH_ALEN);
	frame_init(&l->frames[l->nframes], ends, (uint32_t)l->nframes + 1);
	l->nframes++;
	return 0;
}

static int load_read_streams(struct load *l, const char *path)
{
	char ip[3][INET_ADDRSTRLEN];
	unsigned port[3];
	struct frame_ends ends;
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!f)
		return -errno;
	while (!err && fscanf(f, "%15s %u %15s %u %15s %u", ip[0], &port[0],
			      ip[1], &port[1], ip[2], &port[2]) == 6) {
		if (parse_addr(&ends.from, ip[0], port[0]) ||
		    parse_addr(&ends.to, ip[1], port[1]) ||
		    parse_addr(&ends.comes_to, ip[2], port[2]))
			err = -EINVAL;
		else
			err = load_add(l, &ends);
	}
	if (!err && !l->nframes)
		err = -EINVAL;
	(void)fclose(f);
	return err;
}

/* Sending only: it is bound to no protocol. */
static int load_open(struct load *l, const char *interface)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET};
	struct ifreq req = {0};
	int on = 1;

	l->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	strncpy(req.ifr_name, interface, sizeof(req.ifr_name) - 1);
	l->ifindex = (int)if_nametoindex(interface);
	at.sll_ifindex = l->ifindex;
	if (!l->ifindex || ioctl(l->fd, SIOCGIFHWADDR, &req) ||
	    bind(l->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(l->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(l->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		return -errno;
	memcpy(l->from_mac, req.ifr_hwaddr.sa_data, ETH_ALEN);
	return 0;
}

static int load_commands(struct load *l)
{
	char line[128], junk;
	double rate, seconds;
	uint64_t took;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%lf %lf %c", &rate, &seconds, &junk) != 2 ||
		    rate <= 0 || seconds <= 0) {
			(void)fprintf(stderr,
				      "rtpload: expected RATE SECONDS, "
				      "not: %s",
				      line);
			return 1;
		}
		took = load_step(l, rate, seconds);
		load_drain(l);
		load_print(l, took);
	}
	return 0;
}

static bool parse_mac(uint8_t mac[ETH_ALEN], const char *text)
{
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0],
		      &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == ETH_ALEN;
}

static int usage(void)
{
	(void)fprintf(stderr,
		      "usage: rtpload [-k BURST (1-%d)] [-f SAME] INTERFACE "
		      "TO_MAC OBJECT STREAMS\n",
		      BURST_MAX);
	return 1;
}

static int run(struct load *l, char *const argv[])
{
	const char *what = argv[0];
	int err = load_open(l, argv[0]);

	if (!err) {
		what = argv[3];
		err = load_read_streams(l, argv[3]);
	}
	if (!err) {
		what = argv[2];
		err = tally_open(&l->tally, argv[2], l->ifindex);
	}
	if (!err)
		err = load_commands(l);
	else
		(void)fprintf(stderr, "rtpload: %s: %s\n", what,
			      strerror(-err));
	tally_close(l->tally);
	free(l->frames);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct load load = {.burst = 10, .same = 1};
	int opt;

	while ((opt = getopt(argc, argv, "k:f:")) != -1) {
		if (opt == 'k')
			load.burst = (unsigned)strtoul(optarg, NULL, 10);
		else if (opt == 'f')
			load.same = (unsigned)strtoul(optarg, NULL, 10);
		else
			return usage();
	}
	if (argc - optind != 4 || load.burst < 1 || load.burst > BURST_MAX ||
	    load.same < 1 || !parse_mac(load.to_mac, argv[optind + 1]))
		return usage();
	return run(&load, argv + optind);
}
