#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/store_redis.h"

enum {
	PAGE_CLIENTS = 100, /* looked at for one page */
	PAGES_MAX = 64,     /* held, or asked for */
};

/* A page on its way to who asks for it. */
struct redis_page {
	TAILQ_ENTRY(redis_page) link;
	struct store_redis *r;
	struct addr proxy;
	char after[REDIRECT_ID_MAX];
	uint64_t asked;
	bool linked;
	bool here; /* it has come */
	bool last; /* there is nothing behind it */
	size_t n;
	store_done_h *fn;
	void *arg;
	struct page_client {
		char id[REDIRECT_ID_MAX];
		size_t n;
		struct binding *v;
	} clients[PAGE_CLIENTS];
};

static void page_free(struct redis_page *p)
{
	size_t i;

	if (p->linked) {
		TAILQ_REMOVE(&p->r->pages, p, link);
		p->r->npages--;
	}
	for (i = 0; i < p->n; i++)
		free(p->clients[i].v);
	free(p);
}

void store_redis_drop_pages(struct store_redis *r)
{
	struct redis_page *p;

	while ((p = TAILQ_FIRST(&r->pages)))
		page_free(p);
}

static struct redis_page *find(const struct store_redis *r,
			       const struct store_served *q, uint64_t since)
{
	struct redis_page *p = TAILQ_FIRST(&r->pages);

	while (p &&
	       !(p->here && p->asked >= since && addr_eq(&p->proxy, q->proxy) &&
		 !strcmp(p->after, q->after)))
		p = TAILQ_NEXT(p, link);
	return p;
}

static int hand_out(const struct redis_page *p, const struct store_served *q)
{
	size_t i;
	int err = 0;

	for (i = 0; i < p->n && !err; i++) {
		const struct page_client *k = &p->clients[i];
		const struct client c = {.id = k->id, .n = k->n, .v = k->v};

		err = q->fn(&c, q->arg);
	}
	if (err < 0)
		return err;
	return i < p->n || !p->last;
}

int store_redis_served(struct store *s, const struct store_served *q,
		       const struct store_view *w)
{
	struct store_redis *r = store_redis_of(s);
	struct redis_page *p;
	int err;

	store_redis_note_now(r, w->now);
	p = find(r, q, w->since);
	if (!p)
		return store_redis_reach(r);
	err = hand_out(p, q);
	page_free(p);
	return err;
}

static int take_client(struct redis_page *p, const redisReply *id,
		       const redisReply *value)
{
	struct page_client *k = &p->clients[p->n];
	struct redis_value v = redis_value_of(value);
	struct record_client rec;
	json_t *j;
	int err = 0;

	if (id->type != REDIS_REPLY_STRING || id->len >= sizeof(k->id))
		return -EBADMSG;
	memcpy(k->id, id->str, id->len);
	p->n++;
	if (!v.len || redis_value_client(&rec, &j, k->id, &v))
		return 0;
	if (rec.n) {
		k->v = binding_copy(rec.v, rec.n);
		k->n = k->v ? rec.n : 0;
		err = k->v ? 0 : -ENOMEM;
	}
	json_decref(j);
	return err;
}

static int take(struct redis_page *p, const redisReply *reply)
{
	size_t i;
	int err = 0;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 ||
	    reply->elements / 2 > PAGE_CLIENTS)
		return -EBADMSG;
	for (i = 0; i + 1 < reply->elements && !err; i += 2)
		err = take_client(p, reply->element[i], reply->element[i + 1]);
	p->last = reply->elements / 2 < PAGE_CLIENTS;
	return err;
}

/* A page that nobody has fetched makes room. */
static void make_room(struct store_redis *r)
{
	struct redis_page *p, *next;

	for (p = TAILQ_FIRST(&r->pages); p && r->npages >= PAGES_MAX;
	     p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->here)
			page_free(p);
	}
}

static void on_page(const redisReply *reply, void *arg)
{
	struct redis_page *p = arg;
	struct store_redis *r = p->r;
	store_done_h *fn = p->fn;
	void *fn_arg = p->arg;

	if (r->closing) {
		page_free(p);
		return;
	}
	p->here = reply && !take(p, reply);
	if (!p->here) {
		page_free(p);
		if (reply)
			redis_conn_refuse(r->conn,
					  reply->type == REDIS_REPLY_ERROR
						  ? reply->str
						  : "not understood");
	}
	fn(0, fn_arg);
}

/* The server has been found, or not: then that is the answer. */
static void go(void *arg)
{
	struct redis_page *p = arg;
	store_done_h *fn = p->fn;
	void *fn_arg = p->arg;
	bool closing = p->r->closing;

	page_free(p);
	if (!closing)
		fn(0, fn_arg);
}

static int ask(struct redis_page *p)
{
	struct store_redis *r = p->r;
	char proxy[ADDR_STRLEN];
	struct redis_args a;

	p->asked = redis_conn_turn(r->conn);
	redis_script_init(&a, r->conn, REDIS_SCRIPT_SERVED, 2);
	redis_args_printf(&a, REDIS_SERVED "%s", addr_str(proxy, &p->proxy));
	redis_args_add(&a, REDIS_SEEN);
	redis_args_printf(&a, "%s%s", *p->after ? "(" : "-", p->after);
	redis_args_num(&a, store_redis_now(r));
	redis_args_num(&a, PAGE_CLIENTS);
	redis_args_add(&a, REDIS_RECORD);
	return redis_script_call(r->conn, &a, on_page, p);
}

int store_redis_await_served(struct store *s, const struct store_served *q,
			     store_done_h *fn, void *arg)
{
	struct store_redis *r = store_redis_of(s);
	struct redis_page *p;
	int err;

	make_room(r);
	if (r->npages >= PAGES_MAX)
		return -ENOBUFS;
	if (strlen(q->after) >= sizeof(p->after))
		return -EMSGSIZE;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->r = r;
	p->proxy = *q->proxy;
	memcpy(p->after, q->after, strlen(q->after) + 1);
	p->fn = fn;
	p->arg = arg;
	err = store_redis_is_begun(r) ? store_redis_park(r, go, p) : ask(p);
	if (err) {
		page_free(p);
		return err;
	}
	TAILQ_INSERT_TAIL(&r->pages, p, link);
	p->linked = true;
	r->npages++;
	return 0;
}
