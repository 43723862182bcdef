#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/sipmsg.h"

#include "common/doctor_ask.h"

enum {
	ASKED_MAX = 256, /* at the same time */
	STATUS_AT = 8,   /* "SIP/2.0 200" */
	/* Nobody waits longer than that for a turn. */
	TURN_MS = 100,
};

/* When the question is sent, ms after the first time. */
static const uint64_t turns[] = {0, 500, 1500, 3500};
enum { TURNS = sizeof(turns) / sizeof(turns[0]) };

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t doctor_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

const struct addr *doctor_ends_for(const struct doctor_ends *e,
				   const struct addr *to)
{
	for (size_t i = 0; i < e->n; i++)
		if (addr_family(&e->v[i]) == addr_family(to))
			return &e->v[i];
	return NULL;
}

bool doctor_ends_add(struct doctor_ends *e, const struct addr *a)
{
	if (e->n == DOCTOR_FAMILIES || doctor_ends_for(e, a))
		return false;
	e->v[e->n++] = *a;
	return true;
}

bool doctor_ends_have(const struct doctor_ends *e, const struct addr *a)
{
	const struct addr *end = doctor_ends_for(e, a);

	return end && addr_ip_eq(end, a);
}

static int choose_local(struct addr *local, const struct doctor_ends *ends,
			const struct addr *to)
{
	const struct addr *end = doctor_ends_for(ends, to);

	if (!end)
		return -EAFNOSUPPORT;
	if (addr_class(end) == ADDR_ANY)
		return addr_local_for(local, to);
	*local = *end;
	addr_set_port(local, 0);
	return 0;
}

/* So that it is told where nobody listens, without being connected: an answer
 * from elsewhere has to be seen. */
static int want_errors(int fd, int family)
{
	static const int on = 1;
	bool six = family == AF_INET6;

	return setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP,
			  six ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on));
}

int doctor_socket(int *fd, struct addr *self, const struct doctor_ends *ends,
		  const struct addr *to)
{
	struct sockaddr_storage got;
	socklen_t len = sizeof(got);
	struct addr local;
	int err = choose_local(&local, ends, to);

	if (err)
		return err;
	*fd = socket(addr_family(&local),
		     SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return -errno;
	if (bind(*fd, &local.u.sa, addr_len(&local)) ||
	    want_errors(*fd, addr_family(&local)) ||
	    getsockname(*fd, (struct sockaddr *)&got, &len)) {
		err = -errno;
		close(*fd);
		*fd = -1;
		return err;
	}
	return addr_from_sa(self, (struct sockaddr *)&got);
}

int doctor_open(struct doctor_question *q, const struct doctor_ends *ends,
		const struct addr *to)
{
	memset(q, 0, sizeof(*q));
	q->fd = -1;
	q->to = *to;
	sipmsg_token(q->token, sizeof(q->token));
	q->err = doctor_socket(&q->fd, &q->self, ends, to);
	return q->err;
}

void doctor_close(struct doctor_question *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

/* The same error may be of what was sent before: the next turn tries again. */
static void transmit(struct doctor_question *q)
{
	if (sendto(q->fd, q->text, q->len, MSG_NOSIGNAL, &q->to.u.sa,
		   addr_len(&q->to)) < 0 &&
	    errno != EAGAIN && errno != ECONNREFUSED)
		q->err = -errno;
}

static bool is_answer(const struct doctor_question *q, const char *data,
		      size_t len)
{
	static const char version[] = "SIP/2.0 ";
	size_t n = 0;
	const char *id = sipmsg_peek_call_id(&n, data, len);

	return len > STATUS_AT && !memcmp(data, version, STATUS_AT) &&
	       data[STATUS_AT] > '1' && id && n >= strlen(q->token) &&
	       !memcmp(id, q->token, strlen(q->token));
}

static void receive(struct doctor_question *q)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(q->fd, q->answer, sizeof(q->answer) - 1, 0,
			     (struct sockaddr *)&from, &len);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		q->err = -errno;
		return;
	}
	if (n < 0)
		return;
	q->answer[n] = '\0';
	if (!is_answer(q, q->answer, (size_t)n) ||
	    addr_from_sa(&q->from, (struct sockaddr *)&from))
		return;
	q->answered_ms = doctor_wall_ms();
	q->answer_len = (size_t)n;
	q->err = 0;
}

static bool is_open(const struct doctor_question *q)
{
	return q->err == -EINPROGRESS;
}

/* Wait for any of them, until the next turn at most. */
static void wait_for(struct doctor_question *const *v, size_t n)
{
	struct pollfd fds[ASKED_MAX];

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){is_open(v[i]) ? v[i]->fd : -1, POLLIN,
					 0};
	if (poll(fds, n, TURN_MS) <= 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (fds[i].fd >= 0 && fds[i].revents)
			receive(v[i]);
}

static void begin(struct doctor_question *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i]->err)
			continue;
		v[i]->err = -EINPROGRESS;
		v[i]->asked_ms = doctor_wall_ms();
	}
}

static size_t count_open(struct doctor_question *const *v, size_t n)
{
	size_t open = 0;

	for (size_t i = 0; i < n; i++)
		open += is_open(v[i]);
	return open;
}

/* At most ASKED_MAX. */
static void ask_some(struct doctor_question *const *v, size_t n)
{
	uint64_t since = clock_ms(CLOCK_MONOTONIC), passed = 0;
	size_t turn = 0;

	begin(v, n);
	for (; count_open(v, n) && passed < DOCTOR_PATIENCE_MS;
	     passed = clock_ms(CLOCK_MONOTONIC) - since) {
		bool due = turn < TURNS && passed >= turns[turn];

		turn += due;
		for (size_t i = 0; due && i < n; i++)
			if (is_open(v[i]))
				transmit(v[i]);
		wait_for(v, n);
	}
	for (size_t i = 0; i < n; i++)
		if (is_open(v[i]))
			v[i]->err = -ETIMEDOUT;
}

void doctor_ask(struct doctor_question *const *v, size_t n)
{
	for (size_t i = 0; i < n; i += ASKED_MAX)
		ask_some(v + i, n - i < ASKED_MAX ? n - i : ASKED_MAX);
}
