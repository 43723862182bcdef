#include <errno.h>
#include <hiredis/async.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/addr.h"
#include "common/log.h"
#include "redirectd/redis_greeting.h"
#include "redirectd/redis_poll.h"
#include "redirectd/redis_resolve.h"

#include "redirectd/redis_conn.h"

enum {
	CONNECT_MS = 2000, /* name, connection and greeting together */
	BACKOFF_MS = 100,  /* doubled each time */
	BACKOFF_MAX_MS = 5000,
	LOOK_AGAIN_MS = 50, /* this process itself may have been held up */
	ADDRS_MAX = 8,
	ASKED_MIN = 64,
	ASKED_MAX = 65536, /* a power of two */
};

enum state { WAITING, RESOLVING, TRYING, GREETING, UP, CLOSED };

/* A command that is not answered yet. */
struct asked {
	redis_reply_h *fn;
	void *arg;
	uint64_t sent;
};

struct redis_conn {
	struct redis_conn_config cfg;
	enum state state;
	redisAsyncContext *ac; /* in GREETING and UP */
	struct redis_resolve *resolve;
	struct addr addrs[ADDRS_MAX]; /* of the server, in this attempt */
	size_t naddrs, next;
	struct redis_scripts scripts;
	uv_timer_t timer; /* of the state; UP: of the oldest answer */
	bool begun;       /* the first attempt is under way */
	bool overdue;
	bool said_lost, said_refused; /* since it was last up */
	unsigned failures;            /* as well */
	uint64_t turn;
	struct asked *ring; /* in the order in which answers come */
	size_t cap, head, count;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void on_timer(uv_timer_t *timer);

static void arm(struct redis_conn *c, uint64_t ms)
{
	(void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

/* Some earlier, some later, so that not all of many come at once. */
static uint64_t backoff_ms(const struct redis_conn *c)
{
	uint64_t ms = BACKOFF_MS;
	uint16_t dice = 0;
	unsigned i;

	for (i = 1; i < c->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	(void)getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	return ms * 3 / 4 + ms * dice / (2 * UINT16_MAX);
}

/* Once each time that it goes away. */
static void say(struct redis_conn *c, bool refused, const char *why)
{
	bool *said = refused ? &c->said_refused : &c->said_lost;

	if (*said)
		return;
	*said = true;
	log_error(refused ? "the directory's server cannot be used"
			  : "the directory's server is away",
		  LOG_S("store", c->cfg.url.name), LOG_S("error", why));
}

/* Give up this attempt, or what it had become; the context is the caller's. */
static void lose(struct redis_conn *c, bool refused, const char *why)
{
	bool news = c->state == UP || c->begun;

	say(c, refused, why);
	redis_resolve_cancel(c->resolve);
	c->resolve = NULL;
	c->ac = NULL;
	c->state = WAITING;
	c->begun = false;
	c->failures++;
	arm(c, backoff_ms(c));
	if (news)
		c->cfg.changed(false, c->cfg.arg);
}

static void drop(struct redis_conn *c, bool refused, const char *why)
{
	redisAsyncContext *ac = c->ac;

	lose(c, refused, why);
	if (ac)
		redisAsyncFree(ac); /* what was asked is answered with NULL */
}

void redis_conn_refuse(struct redis_conn *c, const char *why)
{
	if (c->state == GREETING || c->state == UP)
		drop(c, true, why);
}

static int ring_grow(struct redis_conn *c)
{
	size_t i, cap = c->cap ? 2 * c->cap : ASKED_MIN;
	struct asked *ring;

	if (cap > ASKED_MAX)
		return -ENOBUFS;
	ring = calloc(cap, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (i = 0; i < c->count; i++)
		ring[i] = c->ring[(c->head + i) & (c->cap - 1)];
	free(c->ring);
	c->ring = ring;
	c->cap = cap;
	c->head = 0;
	return 0;
}

static struct asked ring_pop(struct redis_conn *c)
{
	struct asked a = c->ring[c->head];

	c->head = (c->head + 1) & (c->cap - 1);
	c->count--;
	return a;
}

static void on_reply(redisAsyncContext *ac, void *reply, void *arg)
{
	struct redis_conn *c = arg;
	struct asked a;

	c->overdue = false;
	if (!reply && c->ac == ac)
		lose(c, false,
		     ac->errstr && *ac->errstr ? ac->errstr : "closed");
	if (!c->count)
		return;
	a = ring_pop(c);
	a.fn(reply, a.arg);
}

int redis_conn_ask_bytes(struct redis_conn *c, const char *cmd, size_t len,
			 redis_reply_h *fn, void *arg)
{
	uint64_t now = uv_now(c->cfg.loop);
	int err;

	if (!c->ac)
		return -ENOTCONN;
	if (c->count == c->cap) {
		err = ring_grow(c);
		if (err)
			return err;
	}
	if (redisAsyncFormattedCommand(c->ac, on_reply, c, cmd, len))
		return -ENOTCONN;
	c->ring[(c->head + c->count++) & (c->cap - 1)] =
		(struct asked){fn, arg, now};
	if (c->state == UP && !uv_is_active((uv_handle_t *)&c->timer))
		arm(c, REDIS_ANSWER_MS);
	return 0;
}

int redis_conn_ask(struct redis_conn *c, const struct redis_args *a,
		   redis_reply_h *fn, void *arg)
{
	/* The signature of hiredis lacks a const. */
	const char **v = (const char **)(uintptr_t)a->v;
	sds cmd;
	int len, err = redis_args_err(a);

	if (err)
		return err;
	len = redisFormatSdsCommandArgv(&cmd, a->n, v, a->len);
	if (len < 0)
		return -ENOMEM;
	err = redis_conn_ask_bytes(c, cmd, (size_t)len, fn, arg);
	redisFreeSdsCommand(cmd);
	return err;
}

/* The next address of the server, before long, or it is away. */
static void on_connect(const redisAsyncContext *ac, int status)
{
	struct redis_conn *c = ac->data;

	if (status == REDIS_OK || c->ac != ac)
		return;
	if (c->next == c->naddrs) {
		lose(c, false, ac->errstr);
		return;
	}
	c->ac = NULL;
	c->state = TRYING;
	arm(c, 0);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis_conn *c = ac->data;

	(void)status;
	if (c->ac == ac)
		lose(c, false,
		     ac->errstr && *ac->errstr ? ac->errstr : "closed");
}

static void on_wrote(void *arg)
{
	struct redis_conn *c = arg;

	c->turn++;
}

/* `ac` is NULL where there was no memory for it. */
static void connect_to(struct redis_conn *c, redisAsyncContext *ac)
{
	int err;

	if (!ac) {
		lose(c, false, strerror(ENOMEM));
		return;
	}
	err = ac->err ? -EIO : redis_poll_attach(ac, c->cfg.loop, on_wrote, c);
	if (err) {
		lose(c, false, ac->err ? ac->errstr : strerror(-err));
		redisAsyncFree(ac);
		return;
	}
	ac->data = c;
	c->ac = ac;
	c->state = GREETING;
	(void)redisAsyncSetConnectCallback(ac, on_connect);
	(void)redisAsyncSetDisconnectCallback(ac, on_disconnect);
	if (redis_greeting_begin(c))
		drop(c, false, strerror(ENOMEM));
}

static void try_next(struct redis_conn *c)
{
	const struct addr *a = &c->addrs[c->next++];
	char ip[ADDR_STRLEN];

	arm(c, CONNECT_MS);
	connect_to(c, redisAsyncConnect(addr_ip_str(ip, a), c->cfg.url.port));
}

static void on_resolved(const struct addrinfo *ai, int err, void *arg)
{
	struct redis_conn *c = arg;

	c->resolve = NULL;
	for (; ai && c->naddrs < ADDRS_MAX; ai = ai->ai_next)
		if (!addr_from_sa(&c->addrs[c->naddrs], ai->ai_addr))
			c->naddrs++;
	if (c->naddrs)
		try_next(c);
	else
		lose(c, false, err ? uv_strerror(err) : "no address");
}

static void begin(struct redis_conn *c)
{
	int err;

	arm(c, CONNECT_MS);
	c->naddrs = c->next = 0;
	if (!*c->cfg.url.host) {
		connect_to(c, redisAsyncConnectUnix(c->cfg.url.path));
		return;
	}
	c->state = RESOLVING;
	err = redis_resolve_begin(&c->resolve, c->cfg.loop, c->cfg.url.host,
				  on_resolved, c);
	if (err)
		lose(c, false, uv_strerror(err));
}

/* The oldest answer is late only if it has not come now that there was another
 * look at the socket. */
static void check_answers(struct redis_conn *c)
{
	uint64_t now = uv_now(c->cfg.loop), due;

	if (!c->count)
		return;
	due = c->ring[c->head].sent + REDIS_ANSWER_MS;
	if (now < due) {
		arm(c, due - now);
	} else if (!c->overdue) {
		c->overdue = true;
		arm(c, LOOK_AGAIN_MS);
	} else {
		drop(c, false, "no answer");
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct redis_conn *c = timer->data;

	switch (c->state) {
	case WAITING:
		begin(c);
		break;
	case TRYING:
		try_next(c);
		break;
	case RESOLVING:
	case GREETING:
		drop(c, false, "no answer");
		break;
	case UP:
		check_answers(c);
		break;
	case CLOSED:
		break;
	}
}

void redis_conn_greeted(struct redis_conn *c)
{
	c->state = UP;
	c->begun = false;
	(void)uv_timer_stop(&c->timer);
	if (c->said_lost || c->said_refused)
		log_warn("the directory's server is back",
			 LOG_S("store", c->cfg.url.name));
	c->said_lost = c->said_refused = false;
	c->failures = 0;
	c->cfg.changed(true, c->cfg.arg);
}

int redis_conn_open(struct redis_conn **cp, const struct redis_conn_config *cfg)
{
	struct redis_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	c->begun = true;
	c->turn = 1;
	(void)uv_timer_init(cfg->loop, &c->timer);
	c->timer.data = c;
	arm(c, 0);
	*cp = c;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct redis_conn *c = handle->data;

	c->closed(c->closed_arg);
	free(c->ring);
	free(c);
}

void redis_conn_close(struct redis_conn *c, void (*closed)(void *arg),
		      void *arg)
{
	redisAsyncContext *ac = c->ac;

	c->closed = closed;
	c->closed_arg = arg;
	c->state = CLOSED;
	c->ac = NULL;
	redis_resolve_cancel(c->resolve);
	uv_close((uv_handle_t *)&c->timer, on_closed);
	if (ac)
		redisAsyncFree(ac);
}

bool redis_conn_is_up(const struct redis_conn *c)
{
	return c->state == UP;
}

bool redis_conn_is_begun(const struct redis_conn *c)
{
	return c->begun;
}

uint64_t redis_conn_turn(const struct redis_conn *c)
{
	return c->turn;
}

const struct redis_url *redis_conn_url(const struct redis_conn *c)
{
	return &c->cfg.url;
}

struct redis_scripts *redis_conn_scripts(struct redis_conn *c)
{
	return &c->scripts;
}
