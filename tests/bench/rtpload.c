/*
 * RTP load for a media relay: N sessions, both directions of each a stream of
 * 172-byte packets (20 ms of G.711), sent at a paced rate and counted where
 * the relay brings them back.
 *
 *   rtpload [-k BURST] A_IP:PORT B_IP:PORT SESSIONS
 *
 * SESSIONS is a file with a line "IP PORT IP PORT" for each session: where the
 * first party (A) and the second (B) send to. Each line "RATE SECONDS" on
 * standard input runs one step and prints one line of JSON; end of file ends
 * the program. Everybody on one side sends from one port: the relay tells the
 * sessions apart by its own ports, and one socket a side lets the load be
 * sent and counted in batches, at less cost than the relay has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SIDES = 2,
	BURST_MAX = 256,
	RECV_BATCH = 64,
	SOCKET_BUF = 16 << 20,
	LATENCY_MAX_US = 1 << 17,
	DRAIN_NS = 200 * 1000 * 1000,
};
#define NS_PER_S 1000000000ULL

/* 12 bytes of RTP header (RFC 3550 5.1), 160 of payload. */
struct packet {
	uint8_t vpxcc;
	uint8_t mpt;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc; /* stream number * 2 + side */
	uint32_t step;
	uint64_t sent_ns;
	uint8_t rest[172 - 12 - 12];
} __attribute__((packed));
_Static_assert(sizeof(struct packet) == 172, "20 ms of G.711");

struct stream {
	struct sockaddr_in relay;
	uint32_t ssrc;
	uint32_t timestamp;
	uint16_t seq;
};

struct side {
	int fd;
	struct stream *streams;
	size_t next;
};

struct step {
	uint32_t number;
	uint64_t sent, received;
	uint64_t misrouted; /* came, but not what belongs to this side */
	uint64_t refused;   /* not taken by our own kernel: not sent */
	uint64_t took_ns;
	uint32_t latency[LATENCY_MAX_US];
};

struct load {
	struct side sides[SIDES];
	size_t nstreams; /* of each side */
	unsigned burst;
	struct step step;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void stream_packet(struct packet *p, struct stream *s, uint32_t step,
			  uint64_t now)
{
	p->vpxcc = 0x80;
	p->mpt = 0;
	p->seq = htons(s->seq++);
	p->timestamp = htonl(s->timestamp);
	p->ssrc = htonl(s->ssrc);
	p->step = step;
	p->sent_ns = now;
	s->timestamp += 160;
}

/* One burst of a side, back to back, each packet of another stream. */
static void side_send(struct load *l, struct side *side)
{
	static struct packet packets[BURST_MAX];
	struct mmsghdr msgs[BURST_MAX];
	struct iovec iov[BURST_MAX];
	uint64_t now = now_ns();
	unsigned i, done = 0;
	int n;

	memset(msgs, 0, sizeof(msgs[0]) * l->burst);
	for (i = 0; i < l->burst; i++) {
		struct stream *s = &side->streams[side->next];

		stream_packet(&packets[i], s, l->step.number, now);
		iov[i].iov_base = &packets[i];
		iov[i].iov_len = sizeof(packets[i]);
		msgs[i].msg_hdr.msg_name = &s->relay;
		msgs[i].msg_hdr.msg_namelen = sizeof(s->relay);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		side->next = (side->next + 1) % l->nstreams;
	}
	while (done < l->burst) {
		n = sendmmsg(side->fd, msgs + done, l->burst - done,
			     MSG_DONTWAIT);
		if (n <= 0)
			break;
		done += (unsigned)n;
	}
	l->step.sent += done;
	l->step.refused += l->burst - done;
}

static void step_count(struct step *st, const struct packet *p, size_t len,
		       unsigned side, uint64_t now)
{
	uint64_t us;

	if (len == sizeof(*p) && p->step != st->number)
		return;
	if (len != sizeof(*p) || (ntohl(p->ssrc) & 1) == side) {
		st->misrouted++;
		return;
	}
	us = (now - p->sent_ns) / 1000;
	st->latency[us < LATENCY_MAX_US ? us : LATENCY_MAX_US - 1]++;
	st->received++;
}

/* Take what has come for a side; whether there was anything. */
static bool side_receive(struct load *l, unsigned side)
{
	static struct packet packets[RECV_BATCH];
	struct mmsghdr msgs[RECV_BATCH];
	struct iovec iov[RECV_BATCH];
	uint64_t now;
	int i, n;

	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < RECV_BATCH; i++) {
		iov[i].iov_base = &packets[i];
		iov[i].iov_len = sizeof(packets[i]);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(l->sides[side].fd, msgs, RECV_BATCH, MSG_DONTWAIT, NULL);
	now = now_ns();
	for (i = 0; i < n; i++)
		step_count(&l->step, &packets[i], msgs[i].msg_len, side, now);
	return n > 0;
}

/* Wait for what is still under way. */
static void load_drain(struct load *l)
{
	uint64_t last = now_ns();

	while (l->step.received < l->step.sent && now_ns() - last < DRAIN_NS) {
		bool first = side_receive(l, 0);

		if (side_receive(l, 1) || first)
			last = now_ns();
	}
}

/* Bursts fall due on a fixed schedule, of both sides in turn. It spins: a
 * timer would be late by more than a packet takes through the relay. */
static void load_step(struct load *l, double rate, double seconds)
{
	uint64_t start = now_ns(), now = start;
	uint64_t end = start + (uint64_t)(seconds * (double)NS_PER_S);
	double gap = (double)l->burst * (double)NS_PER_S / rate;
	double due = 0;
	unsigned turn = 0;
	uint32_t number = l->step.number + 1;

	memset(&l->step, 0, sizeof(l->step));
	l->step.number = number;
	while (now < end) {
		if (due <= (double)(now - start)) {
			side_send(l, &l->sides[turn]);
			turn = !turn;
			due += gap;
		}
		side_receive(l, 0);
		side_receive(l, 1);
		now = now_ns();
	}
	l->step.took_ns = now - start;
	load_drain(l);
}

static uint32_t step_percentile(const struct step *st, double fraction)
{
	uint64_t want = (uint64_t)((double)st->received * fraction);
	uint64_t seen = 0;
	uint32_t us;

	for (us = 0; us < LATENCY_MAX_US - 1; us++) {
		seen += st->latency[us];
		if (seen > want)
			break;
	}
	return us;
}

static void step_print(const struct step *st)
{
	printf("{\"seconds\": %.3f, \"sent\": %" PRIu64 ", \"received\": "
	       "%" PRIu64 ", \"misrouted\": %" PRIu64 ", \"refused\": "
	       "%" PRIu64 ", \"p50_us\": %" PRIu32 ", \"p99_us\": %" PRIu32
	       "}\n",
	       (double)st->took_ns / (double)NS_PER_S, st->sent, st->received,
	       st->misrouted, st->refused, step_percentile(st, 0.50),
	       step_percentile(st, 0.99));
	(void)fflush(stdout);
}

static int parse_addr(struct sockaddr_in *sin, const char *ip, const char *port)
{
	char *end;
	unsigned long n = strtoul(port, &end, 10);

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)n);
	if (*end || n < 1 || n > 65535 ||
	    inet_pton(AF_INET, ip, &sin->sin_addr) != 1)
		return -EINVAL;
	return 0;
}

/* The socket all streams of a side use, bound to "IP:PORT". */
static int side_open(struct side *side, char *where)
{
	struct sockaddr_in sin;
	int size = SOCKET_BUF;
	char *colon = strchr(where, ':');

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (parse_addr(&sin, where, colon + 1))
		return -EINVAL;
	side->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (side->fd < 0)
		return -errno;
	/* unprivileged, the plain option still gives what is allowed */
	if (setsockopt(side->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)))
		(void)setsockopt(side->fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	(void)setsockopt(side->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (bind(side->fd, (struct sockaddr *)&sin, sizeof(sin)))
		return -errno;
	return 0;
}

static int load_add(struct load *l, char *ip[SIDES], char *port[SIDES])
{
	unsigned i;

	for (i = 0; i < SIDES; i++) {
		struct side *side = &l->sides[i];
		struct stream *s = reallocarray(side->streams, l->nstreams + 1,
						sizeof(*s));

		if (!s)
			return -ENOMEM;
		side->streams = s;
		s += l->nstreams;
		memset(s, 0, sizeof(*s));
		s->ssrc = (uint32_t)(l->nstreams * SIDES + i);
		if (parse_addr(&s->relay, ip[i], port[i]))
			return -EINVAL;
	}
	l->nstreams++;
	return 0;
}

static int load_read_sessions(struct load *l, const char *path)
{
	char ip0[64], port0[8], ip1[64], port1[8];
	char *ip[SIDES] = {ip0, ip1}, *port[SIDES] = {port0, port1};
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!f)
		return -errno;
	while (!err &&
	       fscanf(f, "%63s %7s %63s %7s", ip0, port0, ip1, port1) == 4)
		err = load_add(l, ip, port);
	if (!err && !l->nstreams)
		err = -EINVAL;
	(void)fclose(f);
	return err;
}

static int load_commands(struct load *l)
{
	char line[128], junk;
	double rate, seconds;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%lf %lf %c", &rate, &seconds, &junk) != 2 ||
		    rate <= 0 || seconds <= 0) {
			(void)fprintf(stderr,
				      "rtpload: expected RATE SECONDS, "
				      "not: %s",
				      line);
			return 1;
		}
		load_step(l, rate, seconds);
		step_print(&l->step);
	}
	return 0;
}

static int usage(void)
{
	(void)fprintf(stderr,
		      "usage: rtpload [-k BURST (1-%d)] A_IP:PORT "
		      "B_IP:PORT SESSIONS\n",
		      BURST_MAX);
	return 1;
}

static int fail(const char *what, int err)
{
	(void)fprintf(stderr, "rtpload: %s: %s\n", what, strerror(-err));
	return 1;
}

int main(int argc, char **argv)
{
	static struct load load;
	int opt, err;
	unsigned i;

	load.burst = 10;
	while ((opt = getopt(argc, argv, "k:")) != -1) {
		if (opt != 'k')
			return usage();
		load.burst = (unsigned)strtoul(optarg, NULL, 10);
	}
	if (argc - optind != 3 || load.burst < 1 || load.burst > BURST_MAX)
		return usage();
	err = load_read_sessions(&load, argv[optind + 2]);
	if (err)
		return fail(argv[optind + 2], err);
	for (i = 0; i < SIDES; i++) {
		err = side_open(&load.sides[i], argv[optind + (int)i]);
		if (err)
			return fail(argv[optind + (int)i], err);
	}
	return load_commands(&load);
}
