/*
 * The fast path alone, without sessions: what relayd's workers do with it, by
 * hand. For the end-to-end tests.
 *
 *	fastlane PIN DEAD_MS PORTS_LO PORTS_HI ADDRESS...
 *
 * Commands on stdin, an answer line to each:
 *
 *	put PORT SIDE SOURCE IN OUT TO	0 or a negative errno; opens the sockets
 *	del PORT SIDE			0
 *	count PORT SIDE			packets by the kernel, packets by hand
 *	orphan PORT SIDE		SOURCE IN OUT TO, or none
 *	sweep				how many flows
 *	yield, resume			0 or a negative errno
 *	keep, close			0, and the end
 *
 * Packets that come up are forwarded. The end of stdin is one like SIGKILL.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "relayd/fastpath.h"
#include "relayd/fastpath_user.h"

enum { LANES_MAX = 32, LINE = 512, BEAT_MS = 100, RATE = 8000 };

/* One direction: received on `fd`, sent from that of the other one. */
struct lane {
	struct fastflow flow;
	uint32_t slot;
	int in, out;
	uint64_t packets;
	struct quality heard;
};

static struct fastpath *fp;
static struct fastpath_user *user;
static struct lane lanes[LANES_MAX];
static size_t nlanes;
static struct pollfd polls[1 + 2 * LANES_MAX];
static struct addr locals[1 + 2 * LANES_MAX];
static nfds_t npolls = 1;

static int socket_at(const struct addr *a)
{
	int fd, one = 1;

	for (nfds_t i = 1; i < npolls; i++)
		if (addr_eq(&locals[i], a))
			return polls[i].fd;
	fd = socket(addr_family(a), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* one process takes over from another */
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, &a->u.sa, addr_len(a)) < 0) {
		perror("fastlane: bind");
		exit(1);
	}
	locals[npolls] = *a;
	polls[npolls++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return fd;
}

static struct lane *lane_at(uint32_t slot)
{
	for (size_t i = 0; i < nlanes; i++)
		if (lanes[i].slot == slot)
			return &lanes[i];
	lanes[nlanes] = (struct lane){.slot = slot};
	return &lanes[nlanes++];
}

static int put(uint32_t slot, const char *const word[4])
{
	struct lane *l = lane_at(slot);
	struct addr *const into[] = {&l->flow.source, &l->flow.in, &l->flow.out,
				     &l->flow.to};

	for (size_t i = 0; i < 4; i++)
		if (addr_parse(into[i], word[i], 0))
			return -EINVAL;
	l->in = socket_at(&l->flow.in);
	l->out = socket_at(&l->flow.out);
	return fastpath_user_put(user, slot, &l->flow);
}

/* As the packet path of relayd. */
static void forward(struct lane *l, const uint8_t *d, size_t len)
{
	uint32_t timestamp = (uint32_t)d[4] << 24 | (uint32_t)d[5] << 16 |
			     (uint32_t)d[6] << 8 | d[7];
	uint16_t seq = (uint16_t)(d[2] << 8 | d[3]);
	const struct quality_packet q = {uv_hrtime(),
					 (uint32_t)d[8] << 24 |
						 (uint32_t)d[9] << 16 |
						 (uint32_t)d[10] << 8 | d[11],
					 timestamp, RATE, seq};

	sendto(l->out, d, len, 0, &l->flow.to.u.sa, addr_len(&l->flow.to));
	l->packets++;
	quality_packet(&l->heard, &q);
	fastpath_user_done(user, l->slot,
			   &(struct fastpath_done){
				   fastpath_mark(seq, timestamp),
				   RATE,
				   d[1] & 0x7f,
				   &l->heard,
			   });
}

static void receive(int fd)
{
	uint8_t data[2048];
	struct addr src = {0};
	socklen_t slen = sizeof(src.u);
	ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, &src.u.sa,
			     &slen);

	for (size_t i = 0; n >= FASTPATH_RTP_HEADER && i < nlanes; i++)
		if (lanes[i].in == fd && addr_eq(&lanes[i].flow.source, &src))
			forward(&lanes[i], data, (size_t)n);
}

static void answer_orphan(uint32_t slot)
{
	char text[4][ADDR_STRLEN];
	struct fastflow f;

	if (!fastpath_user_orphan(&f, user, slot))
		printf("none\n");
	else
		printf("%s %s %s %s\n", addr_str(text[0], &f.source),
		       addr_str(text[1], &f.in), addr_str(text[2], &f.out),
		       addr_str(text[3], &f.to));
}

static void answer_count(uint32_t slot)
{
	struct fastpath_count c;

	fastpath_user_read(&c, user, slot);
	printf("%llu %llu\n", (unsigned long long)c.packets,
	       (unsigned long long)lane_at(slot)->packets);
}

static int yield(void)
{
	fastpath_yield(fp);
	return 0;
}

static void end(bool keep)
{
	fastpath_user_close(user);
	fastpath_close(fp, keep);
	printf("0\n");
	exit(0);
}

static void command(char *line)
{
	char word[7][64] = {0};
	const char *const addresses[] = {word[3], word[4], word[5], word[6]};
	uint32_t slot = 0;

	if (sscanf(line, "%63s %63s %63s %63s %63s %63s %63s", word[0], word[1],
		   word[2], word[3], word[4], word[5], word[6]) > 2)
		slot = fastpath_user_slot(user, (uint16_t)atoi(word[1]),
					  (enum learn_side)atoi(word[2]));
	if (!strcmp(word[0], "put"))
		printf("%d\n", put(slot, addresses));
	else if (!strcmp(word[0], "count"))
		answer_count(slot);
	else if (!strcmp(word[0], "orphan"))
		answer_orphan(slot);
	else if (!strcmp(word[0], "sweep"))
		printf("%zu\n", fastpath_sweep(fp));
	else if (!strcmp(word[0], "yield"))
		printf("%d\n", yield());
	else if (!strcmp(word[0], "resume"))
		printf("%d\n", fastpath_resume(fp));
	else if (!strcmp(word[0], "keep") || !strcmp(word[0], "close"))
		end(word[0][0] == 'k');
	else if (!strcmp(word[0], "del"))
		printf("%d\n", (fastpath_user_del(user, slot), 0));
	else
		printf("unknown command\n");
}

static void run(void)
{
	char line[LINE];

	polls[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (;;) {
		poll(polls, npolls, BEAT_MS);
		fastpath_beat(fp);
		fastpath_user_tick(user);
		for (nfds_t i = 1; i < npolls; i++)
			if (polls[i].revents)
				receive(polls[i].fd);
		if (!polls[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			_exit(0);
		command(line);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct fastpath_config cfg = {.dscp = 46};
	char why[FASTPATH_WHY] = "";

	if (argc < 6 || argc > 5 + FASTPATH_ADDRESSES)
		return 2;
	cfg.pin = argv[1];
	cfg.dead_ms = (uint32_t)atoi(argv[2]);
	cfg.ports_lo = (uint16_t)atoi(argv[3]);
	cfg.ports_hi = (uint16_t)atoi(argv[4]);
	for (int i = 5; i < argc; i++)
		if (addr_parse(&cfg.addresses[cfg.naddresses++], argv[i], 0))
			return 2;
	if (fastpath_open(&fp, &cfg, why) || fastpath_user_open(&user, fp)) {
		fprintf(stderr, "fastlane: %s\n", why);
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready\n");
	fflush(stdout);
	run();
}
