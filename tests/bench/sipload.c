/*
 * SIP load for a registrar or redirect server: requests of one form, of which
 * each waits for one final answer. Nothing is sent again.
 *
 *   sipload IP PORT TO_IP TO_PORT
 *
 * Each line on standard input runs one step and prints one line of JSON; end
 * of file ends the program:
 *
 *   FORM ORDER FIRST COUNT WINDOW RATE SECONDS
 *
 * FORM is a file (sipform.h). It is sent for the users FIRST to FIRST + COUNT
 * - 1: ORDER `each` once for each, first to last, `scattered` once for each in
 * an order of no meaning, `random` for any of them until SECONDS have passed,
 * which end the others too. WINDOW of them are unanswered at a time at most;
 * RATE a second, or 0: as many as that allows.
 *
 * An answer is known by the number in its branch. A 2xx or 3xx whose first
 * Contact is not that of the user asked for is counted as wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sipform.h"
#include "sipwait.h"

enum {
	BATCH = 64,
	ANSWER_MAX = 4096,
	STATUS_MAX = 700,
	DATAGRAM_MAX = 65507,
	SOCKBUF = 16 << 20,
	NAT_FIRST = 100, /* 198.51.100.100 and so on ... */
	NATS = 150,
	PORT_FIRST = 10000, /* ... with so many clients behind each */
	PORTS = 50000,
};
#define NS_PER_S 1000000000ULL
#define SCATTER  2654435761ULL /* a prime above any COUNT */

struct step {
	char path[256];
	enum { EACH, SCATTERED, RANDOM, ORDERS } order;
	uint32_t first;
	uint32_t count;
	uint32_t window;
	double rate;
	double seconds;
	struct sipform *form;
	uint64_t start;
	uint64_t last; /* when the last answer came, or request went */
	unsigned batch;
	uint64_t refused; /* batches */
	uint64_t idle;    /* ns with nothing to send and nothing to take */
	uint64_t sent;
	uint64_t wrong;
	uint64_t stray;
	uint64_t status[STATUS_MAX]; /* answers; 0: those that have none */
};

struct load {
	int fd;
	uint64_t cseq; /* of this step: higher than any before it */
	uint64_t random;
	struct sipwait *wait;
	struct step step;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t next_random(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

static uint32_t next_user(struct load *l)
{
	const struct step *s = &l->step;
	uint64_t nth = s->sent;

	if (s->order == SCATTERED)
		nth *= SCATTER;
	else if (s->order == RANDOM)
		nth = next_random(l);
	return s->first + (uint32_t)(nth % s->count);
}

/* What stands behind "user": names of people do not differ in their last digits
 * alone either, at which some hash functions fail. No two are alike. */
static uint32_t name_of(uint32_t user)
{
	return user * (uint32_t)SCATTER;
}

static void take(struct load *l, char *out, uint64_t now)
{
	uint32_t user = next_user(l);
	const uint64_t values[SIPFORM_FIELDS_N] = {
		[SIPFORM_USER] = name_of(user),
		[SIPFORM_NUMBER] = sipwait_add(l->wait, user, now),
		[SIPFORM_CSEQ] = l->cseq,
		[SIPFORM_NET] = NAT_FIRST + user / PORTS % NATS,
		[SIPFORM_PORT] = PORT_FIRST + user % PORTS,
	};

	sipform_fill(out, l->step.form, values);
	l->step.sent++;
}

/* How many may go now. */
static unsigned allowed(const struct load *l, uint64_t now)
{
	const struct step *s = &l->step;
	uint64_t n = s->window - sipwait_open(l->wait);
	double due = (double)(now - s->start) / (double)NS_PER_S * s->rate;

	if (s->rate > 0) {
		if (due < (double)s->sent + 1)
			return 0;
		if (due - (double)s->sent < (double)n)
			n = (uint64_t)(due - (double)s->sent);
	}
	if (s->order != RANDOM && s->count - s->sent < n)
		n = s->count - s->sent;
	return n < s->batch ? (unsigned)n : s->batch;
}

/* The kernel takes a batch apart (UDP_SEGMENT): all are of one length. What the
 * other end refuses is lost like any other. */
static unsigned send_batch(struct load *l, unsigned n, uint64_t now)
{
	static char texts[DATAGRAM_MAX];
	size_t len = sipform_len(l->step.form);

	if (!n)
		return 0;
	for (unsigned i = 0; i < n; i++)
		take(l, texts + i * len, now);
	if (send(l->fd, texts, n * len, 0) < 0)
		l->step.refused++;
	l->step.last = now;
	return n;
}

/* The digits behind `mark`, which come first in the text; false: none. */
static bool number_behind(uint64_t *value, const char *text, size_t len,
			  const char *mark, int base)
{
	size_t n = strlen(mark);
	const char *at = memmem(text, len, mark, n);
	char *end;

	if (!at)
		return false;
	*value = strtoull(at + n, &end, base);
	return end != at + n;
}

static unsigned status_of(const char *text)
{
	unsigned long status = 0;

	if (!strncmp(text, "SIP/2.0 ", 8))
		status = strtoul(text + 8, NULL, 10);
	return status < STATUS_MAX ? (unsigned)status : 0;
}

/* `text` ends with a NUL behind its length. */
static void take_answer(struct load *l, const char *text, size_t len,
			uint64_t now)
{
	struct step *s = &l->step;
	unsigned status = status_of(text);
	uint64_t number, named;
	uint32_t user;
	bool names;

	if (status / 100 == 1)
		return;
	if (!number_behind(&number, text, len, "branch=z9hG4bK", 16) ||
	    !sipwait_answered(&user, l->wait, (uint32_t)number, now)) {
		s->stray++;
		return;
	}
	names = number_behind(&named, text, len, "\r\nContact: <sip:user", 16);
	if ((status / 100 == 2 || status / 100 == 3) &&
	    (!names || named != name_of(user)))
		s->wrong++;
	s->status[status]++;
	s->last = now;
}

static unsigned receive_batch(struct load *l)
{
	static char texts[BATCH][ANSWER_MAX];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	uint64_t now;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){texts[i], ANSWER_MAX - 1};
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(l->fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	now = n > 0 ? now_ns() : 0;
	for (int i = 0; i < n; i++) {
		texts[i][msgs[i].msg_len] = '\0';
		take_answer(l, texts[i], msgs[i].msg_len, now);
	}
	return n > 0 ? (unsigned)n : 0;
}

static bool goes_on(const struct step *s, uint64_t now)
{
	return (s->order == RANDOM || s->sent < s->count) &&
	       now - s->start < (uint64_t)(s->seconds * (double)NS_PER_S);
}

/* As many as one datagram of the socket can have. */
static int set_batch(struct load *l)
{
	size_t len = sipform_len(l->step.form), n = DATAGRAM_MAX / len;
	int size = (int)len;

	l->step.batch = n < BATCH ? (unsigned)n : BATCH;
	return setsockopt(l->fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size))
		       ? -errno
		       : 0;
}

/* It spins, as a timer would be late by more than an answer takes. Ends, as
 * whatever has no answer is given up at last. */
static void run_step(struct load *l)
{
	struct step *s = &l->step;
	uint64_t now = now_ns(), before = now;
	bool more = true;
	unsigned n;

	sipwait_start(l->wait);
	s->start = s->last = now;
	while (more || sipwait_open(l->wait)) {
		n = more ? send_batch(l, allowed(l, now), now) : 0;
		n += receive_batch(l);
		sipwait_expire(l->wait, now);
		now = now_ns();
		if (!n)
			s->idle += now - before;
		before = now;
		more = goes_on(s, now);
	}
}

static void print_step(const struct load *l)
{
	const struct step *s = &l->step;
	const char *comma = "";
	uint64_t answered = 0;

	printf("{\"seconds\": %.4f, \"sent\": %" PRIu64 ", \"by_status\": {",
	       (double)(s->last - s->start) / (double)NS_PER_S, s->sent);
	for (unsigned i = 0; i < STATUS_MAX; i++) {
		if (!s->status[i])
			continue;
		printf("%s\"%u\": %" PRIu64, comma, i, s->status[i]);
		answered += s->status[i];
		comma = ", ";
	}
	printf("}, \"answered\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"wrong\": %" PRIu64 ", \"stray\": %" PRIu64
	       ", \"idle\": %.3f"
	       ", \"p50_us\": %" PRIu32 ", \"p99_us\": %" PRIu32 "}\n",
	       answered, sipwait_lost(l->wait), s->wrong, s->stray,
	       (double)s->idle / (double)(s->last - s->start),
	       sipwait_percentile(l->wait, 0.50),
	       sipwait_percentile(l->wait, 0.99));
	(void)fflush(stdout);
}

static bool parse_order(struct step *s, const char *name)
{
	static const char *const names[] = {[EACH] = "each",
					    [SCATTERED] = "scattered",
					    [RANDOM] = "random"};

	while (s->order < ORDERS && strcmp(name, names[s->order]) != 0)
		s->order++;
	return s->order < ORDERS;
}

static bool parse_step(struct step *s, const char *line)
{
	char order[16];

	*s = (struct step){0};
	return sscanf(line,
		      "%255s %15s %" SCNu32 " %" SCNu32 " %" SCNu32 " %lf %lf",
		      s->path, order, &s->first, &s->count, &s->window,
		      &s->rate, &s->seconds) == 7 &&
	       parse_order(s, order) && s->count > 0 && s->window > 0 &&
	       s->window <= SIPWAIT_MAX && s->rate >= 0 && s->seconds > 0;
}

static int run_commands(struct load *l)
{
	char line[512];
	int err;

	while (fgets(line, sizeof(line), stdin)) {
		if (!parse_step(&l->step, line)) {
			(void)fprintf(stderr,
				      "sipload: expected FORM ORDER FIRST "
				      "COUNT WINDOW RATE SECONDS, not: %s",
				      line);
			return 1;
		}
		err = sipform_load(&l->step.form, l->step.path);
		if (!err)
			err = set_batch(l);
		if (err) {
			(void)fprintf(stderr, "sipload: %s: %s\n", l->step.path,
				      strerror(-err));
			return 1;
		}
		l->cseq++;
		if (l->cseq < (uint64_t)time(NULL))
			l->cseq = (uint64_t)time(NULL);
		run_step(l);
		print_step(l);
		sipform_free(l->step.form);
	}
	return 0;
}

static int parse_addr(struct sockaddr_in *sin, const char *ip, const char *port)
{
	unsigned long n = strtoul(port, NULL, 10);

	*sin = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)n),
	};
	return n > 0 && n <= UINT16_MAX &&
			       inet_pton(AF_INET, ip, &sin->sin_addr) == 1
		       ? 0
		       : -EINVAL;
}

/* With a large buffer, where that is allowed. */
static int open_socket(char *const at[])
{
	struct sockaddr_in sin;
	int size = SOCKBUF, fd;

	if (parse_addr(&sin, at[0], at[1]))
		return -EINVAL;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ? -errno : fd;
}

static int run(char *const argv[])
{
	static struct load l = {.random = 88172645463325252ULL};
	struct sockaddr_in to;
	int err;

	l.fd = open_socket(argv);
	if (l.fd < 0 || parse_addr(&to, argv[2], argv[3]) ||
	    connect(l.fd, (struct sockaddr *)&to, sizeof(to))) {
		(void)fprintf(stderr, "sipload: %s:%s to %s:%s: %s\n", argv[0],
			      argv[1], argv[2], argv[3],
			      strerror(l.fd < 0 ? -l.fd : errno));
		return 1;
	}
	l.wait = sipwait_new();
	err = l.wait ? run_commands(&l) : 1;
	sipwait_free(l.wait);
	return err;
}

int main(int argc, char **argv)
{
	if (argc == 5)
		return run(argv + 1);
	(void)fprintf(stderr, "usage: sipload IP PORT TO_IP TO_PORT\n");
	return 1;
}
