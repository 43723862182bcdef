#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/store_redis.h"

enum { PAGE = 100, CURSOR_MAX = 24 };

/*
 * The lists of ids, in the order in which they are visited; with each id of
 * REDIS_SEEN comes when it was. One that is there all the while is visited; a
 * list that shrinks meanwhile may show one twice.
 */
static const struct {
	const char *scan;
	const char *list;
	const char *prefix; /* of the records */
	size_t step;
} lists[] = {
	{"SSCAN", REDIS_USERS, REDIS_USER, 1},
	{"ZSCAN", REDIS_SEEN, REDIS_RECORD, 2},
	{"SSCAN", REDIS_ALIASES, REDIS_RECORD, 1},
};

enum { USERS, CLIENTS, ALIASES, LISTS };

struct walk {
	struct store_redis *r;
	struct store_visit visit;
	store_done_h *fn;
	void *arg;
	size_t list;
	char cursor[CURSOR_MAX];
	bool last;    /* page of this list */
	size_t nids;  /* of the page whose records are under way */
	size_t begun; /* how many of the page's ids were asked for before */
	char (*ids)[REDIRECT_ID_MAX];
	size_t room;
};

static void end(struct walk *w, int err)
{
	if (!w->r->closing)
		w->fn(err, w->arg);
	free(w->ids);
	free(w);
}

static bool is_wanted(const struct walk *w)
{
	switch (w->list) {
	case USERS:
		return w->visit.user != NULL;
	case CLIENTS:
		return w->visit.client != NULL;
	default:
		return w->visit.alias != NULL;
	}
}

static int visit_user(const struct walk *w, const char *id,
		      const struct redis_value *v)
{
	json_t *j = record_parse(v->p, v->len);
	const char *own;
	struct user u;
	int err = -EBADMSG;

	if (!record_user(&own, &u, j) && !strcmp(own, id))
		err = w->visit.user(id, &u, w->visit.arg);
	json_decref(j);
	return err;
}

static int visit_client(const struct walk *w, const char *id,
			const struct redis_value *v)
{
	struct record_client rec;
	struct client c = {.id = id, .v = rec.v};
	json_t *j;
	size_t i;
	int err;

	if (redis_value_client(&rec, &j, id, v))
		return -EBADMSG;
	for (i = 0; i < rec.n; i++)
		if (rec.v[i].expires > store_redis_now(w->r))
			rec.v[c.n++] = rec.v[i];
	err = w->visit.client(&c, w->visit.arg);
	json_decref(j);
	return err;
}

static int visit_alias(const struct walk *w, const char *id,
		       const struct redis_value *v)
{
	json_t *j = redis_value_record(v);
	const char *own, *of;
	int err = -EBADMSG;

	if (!record_alias(&own, &of, j) && !strcmp(own, id))
		err = w->visit.alias(id, of, w->visit.arg);
	json_decref(j);
	return err;
}

/* What went meanwhile is passed over, what cannot be read too (the log tells it
 * when it is asked for). */
static int visit(const struct walk *w, const char *id,
		 const struct redis_value *v)
{
	static int (*const kinds[LISTS])(const struct walk *, const char *,
					 const struct redis_value *) = {
		visit_user, visit_client, visit_alias};
	int err = v->p ? kinds[w->list](w, id, v) : 0;

	return err == -EBADMSG ? 0 : err;
}

static void go_on(struct walk *w);

static void on_records(const redisReply *reply, void *arg)
{
	struct walk *w = arg;
	size_t i, n = w->nids - w->begun;
	int err = 0;

	if (!reply || w->r->closing || reply->type != REDIS_REPLY_ARRAY) {
		end(w, -EIO);
		return;
	}
	if (n > reply->elements)
		n = reply->elements;
	for (i = 0; i < n && !err; i++) {
		struct redis_value v = redis_value_of(reply->element[i]);

		err = visit(w, w->ids[w->begun + i], &v);
	}
	w->begun += n;
	if (err)
		end(w, err);
	else
		go_on(w);
}

static int ask_records(struct walk *w)
{
	struct redis_args a;
	size_t i;

	redis_args_init(&a);
	redis_args_add(&a, "MGET");
	for (i = w->begun; i < w->nids && i - w->begun < PAGE; i++)
		redis_args_printf(&a, "%s%s", lists[w->list].prefix, w->ids[i]);
	return redis_conn_ask(w->r->conn, &a, on_records, w);
}

static int take_ids(struct walk *w, const redisReply *ids)
{
	const size_t step = lists[w->list].step;
	size_t i;

	w->nids = w->begun = 0;
	if (ids->elements > w->room) {
		free(w->ids);
		w->room = ids->elements;
		w->ids = calloc(w->room, sizeof(*w->ids));
		if (!w->ids) {
			w->room = 0;
			return -ENOMEM;
		}
	}
	for (i = 0; i + step <= ids->elements; i += step) {
		const redisReply *id = ids->element[i];

		if (id->type != REDIS_REPLY_STRING ||
		    id->len >= REDIRECT_ID_MAX)
			continue;
		memcpy(w->ids[w->nids++], id->str, id->len + 1);
	}
	return 0;
}

static void on_ids(const redisReply *reply, void *arg)
{
	struct walk *w = arg;
	const redisReply *cursor;
	int err;

	if (!reply || w->r->closing || reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[0]->len >= sizeof(w->cursor) ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY) {
		end(w, -EIO);
		return;
	}
	cursor = reply->element[0];
	memcpy(w->cursor, cursor->str, cursor->len + 1);
	w->last = !strcmp(w->cursor, "0");
	err = take_ids(w, reply->element[1]);
	if (err)
		end(w, err);
	else
		go_on(w);
}

static int ask_ids(struct walk *w)
{
	struct redis_args a;

	redis_args_init(&a);
	redis_args_add(&a, lists[w->list].scan);
	redis_args_add(&a, lists[w->list].list);
	redis_args_add(&a, w->cursor);
	redis_args_add(&a, "COUNT");
	redis_args_num(&a, PAGE);
	return redis_conn_ask(w->r->conn, &a, on_ids, w);
}

/* Find the list whose next page is wanted; LISTS: none. */
static void choose_list(struct walk *w)
{
	while (w->list < LISTS && (w->last || !is_wanted(w))) {
		w->list++;
		w->last = false;
		strcpy(w->cursor, "0");
	}
}

/* The rest of the page, the next page, the next list. */
static void go_on(struct walk *w)
{
	int err = 0;

	if (w->begun < w->nids)
		err = ask_records(w);
	else
		choose_list(w);
	if (w->list == LISTS) {
		end(w, 0);
		return;
	}
	if (w->begun == w->nids)
		err = ask_ids(w);
	if (err)
		end(w, err == -ENOMEM ? -ENOMEM : -EIO);
}

/* The server has been found, or not. */
static void go(void *arg)
{
	struct walk *w = arg;

	if (w->r->closing || !store_redis_is_up(w->r))
		end(w, -EIO);
	else
		go_on(w);
}

int store_redis_walk(struct store *s, const struct store_visit *visitors,
		     store_done_h *fn, void *arg)
{
	struct store_redis *r = store_redis_of(s);
	struct walk *w;
	int err;

	if (store_redis_reach(r) == -EIO)
		return -EIO;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->r = r;
	w->visit = *visitors;
	w->fn = fn;
	w->arg = arg;
	strcpy(w->cursor, "0");
	choose_list(w);
	if (w->list == LISTS) {
		free(w);
		return 0;
	}
	err = store_redis_is_begun(r) ? store_redis_park(r, go, w) : ask_ids(w);
	if (err)
		free(w);
	return err ? err : -EINPROGRESS;
}
