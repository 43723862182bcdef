#ifndef TESTS_UNIT_TRANSPORTS_FIXTURE_H
#define TESTS_UNIT_TRANSPORTS_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sipmsg.h"
#include "common/transports.h"

/* Two elements on one loop, `near` and `far`, and what each has seen. */

struct seen {
	struct transports *t;
	size_t messages, pings, pongs, closed;
	struct channel src;  /* of the last message or keepalive */
	struct channel gone; /* the last that closed */
	int err;
	char last[SIPMSG_MAX + 1];
	/* What to do in a handler. */
	bool echo, close_it, free_it;
};

static uv_loop_t loop;
static struct seen near, far;

static inline void act(struct seen *s, const struct channel *ch)
{
	if (s->close_it)
		transports_close_channel(s->t, ch);
	if (s->free_it) {
		transports_free(s->t);
		s->t = NULL;
	}
}

static inline void on_message(char *data, size_t len, const struct channel *src,
			      void *arg)
{
	struct seen *s = arg;

	ck_assert_uint_eq(data[len], '\0');
	memcpy(s->last, data, len + 1);
	memset(data, 'x', len);
	s->messages++;
	s->src = *src;
	if (s->echo)
		ck_assert_int_eq(transports_send(s->t, src, s->last, len), 0);
	act(s, src);
}

static inline void on_keepalive(const struct channel *src,
				enum transports_keepalive what, void *arg)
{
	struct seen *s = arg;

	s->src = *src;
	*(what == TRANSPORTS_PING ? &s->pings : &s->pongs) += 1;
	act(s, src);
}

static inline void on_closed(const struct channel *ch, int err, void *arg)
{
	struct seen *s = arg;

	s->closed++;
	s->gone = *ch;
	s->err = err;
	act(s, ch);
}

static inline struct transports_config config_for(struct seen *s)
{
	return (struct transports_config){
		.message = on_message,
		.keepalive = on_keepalive,
		.closed = on_closed,
		.arg = s,
		.conns_max = 8,
		.conns_per_source = 4,
		.idle_ms = 60000,
		.setup_ms = 30000,
	};
}

static inline void open_side(struct seen *s,
			     const struct transports_config *cfg)
{
	char err[128];

	ck_assert_msg(!transports_alloc(&s->t, &loop, cfg, err, sizeof(err)),
		      "%s", err);
}

static inline struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

/* Listen on loopback; where others reach it. */
static inline struct channel listen_on(struct seen *s, enum transport transport,
				       const char *ip)
{
	struct addr bind = address(ip);
	int n = transports_listen(s->t, transport, &bind, &bind);

	ck_assert_int_gt(n, 0);
	return (struct channel){
		.addr = *transports_self(s->t, (unsigned)n),
		.transport = transport,
	};
}

static inline struct transports_counts counts_of(const struct seen *s)
{
	struct transports_counts n;

	transports_counts(&n, s->t);
	return n;
}

/* Turn the loop until it has happened; Check's time limit ends it if not. */
#define RUN_UNTIL(condition)                                                   \
	do {                                                                   \
		while (!(condition))                                           \
			uv_run(&loop, UV_RUN_ONCE);                            \
	} while (0)

static inline void setup_loop(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
	ck_assert_int_eq(uv_loop_init(&loop), 0);
}

/* Nothing that was opened may stay in the loop. */
static inline void teardown(void)
{
	transports_free(near.t);
	transports_free(far.t);
	near.t = far.t = NULL;
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* "OPTIONS" with a body of `len` bytes, in memory of its own. */
static inline char *request_of(size_t len)
{
	char *text = calloc(1, len + 256);
	int n = snprintf(text, 256,
			 "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 len);

	memset(text + n, 'b', len);
	return text;
}

static inline int send_text(struct seen *s, const struct channel *to,
			    const char *text)
{
	return transports_send(s->t, to, text, strlen(text));
}

#endif
