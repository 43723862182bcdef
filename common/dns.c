#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns.h"

enum {
	CLASS_IN = 1,
	TRY_MS = 600, /* for the first try; each further one twice as long */
	TRIES = 3,
	PAYLOAD = 1232, /* of an answer over UDP, which no path cuts up */
	HOSTS_TTL = 60,
	LACK_TTL = 60, /* where the message that says so is not there */
};

/* One socket of c-ares in the loop. */
struct watch {
	uv_poll_t poll;
	struct watch *next;
	struct dns *d;
	ares_socket_t fd;
};

struct dns {
	ares_channel channel;
	uv_timer_t timer;
	uv_loop_t *loop;
	struct watch *watches;
	bool closing;
	dns_answer_h *fn;
	void *arg;
};

struct question {
	struct dns *d;
	enum dns_type type;
	bool asking; /* dns_ask() has not returned yet */
	bool over;   /* c-ares is done with it */
	char name[DNS_NAME_LEN];
};

static void on_timer(uv_timer_t *timer);

/* Let the timer follow what c-ares waits for. */
static void arm(struct dns *d)
{
	struct timeval tv;

	if (d->closing)
		return;
	if (ares_timeout(d->channel, NULL, &tv))
		(void)uv_timer_start(&d->timer, on_timer,
				     (uint64_t)tv.tv_sec * 1000 +
					     (uint64_t)tv.tv_usec / 1000 + 1,
				     0);
	else
		(void)uv_timer_stop(&d->timer);
}

static void on_timer(uv_timer_t *timer)
{
	struct dns *d = timer->data;

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(d);
}

/* An error is there to be read, too. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	const struct watch *w = poll->data;
	struct dns *d = w->d;
	ares_socket_t fd = w->fd;
	bool readable = status < 0 || events & UV_READABLE;
	bool writable = status < 0 || events & UV_WRITABLE;

	ares_process_fd(d->channel, readable ? fd : ARES_SOCKET_BAD,
			writable ? fd : ARES_SOCKET_BAD);
	arm(d);
}

static struct watch **find_watch(struct dns *d, ares_socket_t fd)
{
	struct watch **wp = &d->watches;

	while (*wp && (*wp)->fd != fd)
		wp = &(*wp)->next;
	return wp;
}

static void watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* c-ares closes the socket when this has returned. */
static void unwatch(struct watch **wp)
{
	struct watch *w = *wp;

	*wp = w->next;
	(void)uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, watch_closed);
}

static struct watch *watch(struct dns *d, ares_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (uv_poll_init(d->loop, &w->poll, fd)) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->d = d;
	w->fd = fd;
	w->next = d->watches;
	d->watches = w;
	return w;
}

/* A socket that cannot be watched is one that times out. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct watch **wp = find_watch(d, fd);
	struct watch *w = *wp;

	if (!readable && !writable) {
		if (w)
			unwatch(wp);
		return;
	}
	if (!w)
		w = watch(d, fd);
	if (w)
		(void)uv_poll_start(&w->poll,
				    (readable ? UV_READABLE : 0) |
					    (writable ? UV_WRITABLE : 0),
				    on_poll);
}

static int to_errno(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return 0;
	case ARES_ENOTFOUND:
		return -ENOENT;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *data,
		      int len)
{
	static struct dns_record rr[DNS_RECORDS_MAX];
	struct question *q = arg;
	struct dns *d = q->d;
	struct dns_answer a = {.err = to_errno(status), .ttl = LACK_TTL};

	(void)timeouts;
	q->over = true;
	if (q->asking)
		return; /* dns_ask() says so itself */
	if (!d->closing) {
		if (data && len > 0 && (!a.err || a.err == -ENOENT) &&
		    dnsmsg_parse(&a, rr, q->type, data, (size_t)len))
			a.err = -EIO;
		d->fn(q->type, q->name, &a, d->arg);
	}
	free(q);
}

static int open_channel(struct dns *d, const char *servers)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
		.timeout = TRY_MS,
		.tries = TRIES,
		.ednspsz = PAYLOAD,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = d,
	};
	int status = ares_init_options(
		&d->channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);

	if (status != ARES_SUCCESS)
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	if (*servers &&
	    ares_set_servers_ports_csv(d->channel, servers) != ARES_SUCCESS) {
		ares_destroy(d->channel);
		return -EINVAL;
	}
	return 0;
}

int dns_alloc(struct dns **dp, uv_loop_t *loop, const char *servers,
	      dns_answer_h *fn, void *arg)
{
	struct dns *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->loop = loop;
	d->fn = fn;
	d->arg = arg;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(d);
		return -EIO;
	}
	err = open_channel(d, servers);
	if (err) {
		ares_library_cleanup();
		free(d);
		return err;
	}
	(void)uv_timer_init(loop, &d->timer);
	d->timer.data = d;
	*dp = d;
	return 0;
}

int dns_ask(struct dns *d, enum dns_type type, const char *name)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->d = d;
	q->type = type;
	(void)strncpy(q->name, name, sizeof(q->name) - 1);
	q->asking = true;
	ares_query(d->channel, name, CLASS_IN, (int)type, on_answer, q);
	q->asking = false;
	if (q->over) {
		free(q);
		return -EIO;
	}
	arm(d);
	return 0;
}

bool dns_hosts(struct dns_answer *out, struct dns_record rr[DNS_RECORDS_MAX],
	       struct dns *d, enum dns_type type, const char *name)
{
	int family = type == DNS_A ? AF_INET : AF_INET6;
	struct hostent *host = NULL;

	*out = (struct dns_answer){.ttl = HOSTS_TTL, .rr = rr};
	if ((type != DNS_A && type != DNS_AAAA) ||
	    ares_gethostbyname_file(d->channel, name, family, &host) !=
		    ARES_SUCCESS)
		return false;
	for (char **p = host->h_addr_list; *p && out->n < DNS_RECORDS_MAX;
	     p++) {
		struct addr sa = {0};

		sa.u.sa.sa_family = (sa_family_t)family;
		memcpy(family == AF_INET ? (void *)&sa.u.in.sin_addr
					 : (void *)&sa.u.in6.sin6_addr,
		       *p, (size_t)host->h_length);
		if (!addr_from_sa(&rr[out->n].u.addr, &sa.u.sa))
			out->n++;
	}
	ares_free_hostent(host);
	return out->n > 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	d->closing = true;
	ares_destroy(d->channel);
	while (d->watches)
		unwatch(&d->watches);
	ares_library_cleanup();
	uv_close((uv_handle_t *)&d->timer, timer_closed);
}
