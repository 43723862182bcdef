#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/table.h"
#include "redirectd/errand.h"
#include "redirectd/record.h"
#include "redirectd/record_fault.h"

#include "redirectd/import.h"

enum {
	FLIGHTS_MAX = 1024, /* clients on their way at a time */
	TRIES_MAX = 100,    /* while others change the same client */
};

/* A client on its way. */
struct flight {
	SLIST_ENTRY(flight) link; /* where it is free */
	struct import *im;
	json_t *json; /* NULL: free; holds the strings of `c` */
	struct record_client c;
	unsigned long line;
	uint64_t since; /* what is read for it is no older */
	unsigned tries;
};

struct import {
	struct errand *e;
	struct import_counts n;
	size_t up; /* flights */
	SLIST_HEAD(, flight) free;
	struct table *ids; /* of those that are up */
	bool room;         /* one of them is free, or something failed */
	bool empty;
	int failed; /* the first, */
	unsigned long line;
	struct flight flights[FLIGHTS_MAX];
};

static void fail(char err[CONF_ERRLEN], const struct import *im, int error)
{
	char why[CONF_ERRLEN];

	errand_fail(why, im->e, error);
	if (error == -EEXIST)
		(void)snprintf(why, sizeof(why),
			       "one id would be an alias and a client, or an "
			       "alias of an alias");
	(void)snprintf(err, CONF_ERRLEN, "line %lu: %.400s", im->line, why);
}

static void land(struct flight *f, int error)
{
	struct import *im = f->im;

	if (error && !im->failed) {
		im->failed = error;
		im->line = f->line;
	}
	(void)table_del(im->ids, f->c.id, strlen(f->c.id));
	im->n.clients += !error;
	im->n.bindings += error ? 0 : f->c.n;
	json_decref(f->json);
	f->json = NULL;
	SLIST_INSERT_HEAD(&im->free, f, link);
	im->up--;
	im->room = true;
	im->empty = !im->up;
	errand_note(im->e);
}

static void fly(struct flight *f);

static void on_again(int err, void *arg)
{
	if (err)
		land(arg, err);
	else
		fly(arg);
}

static void on_put(int err, void *arg)
{
	if (err == -EAGAIN)
		fly(arg);
	else
		land(arg, err);
}

/* -EINPROGRESS: a handler goes on. */
static int put(struct flight *f)
{
	struct errand *e = f->im->e;
	const struct store_view w = {
		.now = dir_clock_now(&e->clock),
		.since = f->since,
		.change = true,
	};
	struct client c;
	int ret = store_get(&c, e->store, f->c.id, &w);

	if (ret == -EAGAIN) {
		ret = store_await(e->store, f->c.id, on_again, f);
		return ret ? ret : -EINPROGRESS;
	}
	if (ret && ret != -ENOENT)
		return ret;
	if (strcmp(c.id, f->c.id) != 0)
		return -EEXIST;
	return store_put(e->store, f->c.id, f->c.v, f->c.n, w.now, on_put, f);
}

static void fly(struct flight *f)
{
	int ret = -EAGAIN;

	while (ret == -EAGAIN && f->tries++ < TRIES_MAX)
		ret = put(f);
	if (ret != -EINPROGRESS)
		land(f, ret);
}

/* Leave out what has run out. */
static void drop_expired(struct import *im, struct record_client *c)
{
	const dir_time now = dir_clock_now(&im->e->clock);
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].expires > now)
			c->v[n++] = c->v[i];
	im->n.expired += c->n - n;
	c->n = n;
}

static int take_off(struct flight *f, json_t *record, unsigned long line)
{
	struct import *im = f->im;
	int err = table_put(im->ids, f->c.id, strlen(f->c.id), f);

	if (err)
		return err;
	SLIST_REMOVE_HEAD(&im->free, link);
	f->json = json_incref(record);
	f->line = line;
	f->since = store_since(im->e->store);
	f->tries = 0;
	im->up++;
	im->empty = false;
	fly(f);
	return 0;
}

/* Of two with the same id the second one waits for the first. */
static int make_room(struct import *im, const json_t *record,
		     char err[CONF_ERRLEN])
{
	const char *id = json_string_value(json_object_get(record, "client"));

	if (id && table_get(im->ids, id, strlen(id)))
		return import_finish(im, err);
	im->room = !SLIST_EMPTY(&im->free);
	return im->room ? 0 : errand_run(im->e, &im->room, err);
}

static int take_client(struct import *im, json_t *record, unsigned long line,
		       char err[CONF_ERRLEN])
{
	struct flight *f;
	int ret = make_room(im, record, err);

	if (ret)
		return ret;
	f = SLIST_FIRST(&im->free);
	ret = record_client(&f->c, record);
	if (ret)
		return ret;
	drop_expired(im, &f->c);
	return take_off(f, record, line);
}

/* An edit sees what was put before. */
static int edit(struct import *im, const struct store_edit *what,
		char err[CONF_ERRLEN])
{
	int ret = import_finish(im, err);

	return ret ? ret : errand_edit(im->e, what, err);
}

static int take_user(struct import *im, const json_t *record,
		     char err[CONF_ERRLEN])
{
	struct store_edit what = {.kind = STORE_USER};
	struct user u;
	int ret = record_user(&what.id, &u, record);

	what.user = &u;
	if (!ret)
		ret = edit(im, &what, err);
	im->n.users += !ret;
	return ret;
}

static int take_alias(struct import *im, const json_t *record,
		      char err[CONF_ERRLEN])
{
	struct store_edit what = {.kind = STORE_ALIAS};
	int ret = record_alias(&what.id, &what.alias_of, record);

	if (!ret)
		ret = edit(im, &what, err);
	im->n.aliases += !ret;
	return ret;
}

static int take(struct import *im, json_t *record, unsigned long line,
		char err[CONF_ERRLEN])
{
	enum record_kind kind;
	int ret = record_kind(&kind, record);

	if (ret)
		return ret;
	if (kind == RECORD_CLIENT)
		return take_client(im, record, line, err);
	return kind == RECORD_USER ? take_user(im, record, err)
				   : take_alias(im, record, err);
}

static int refuse(char err[CONF_ERRLEN], json_t *record, unsigned long line)
{
	char why[256];

	record_fault(why, sizeof(why), record);
	(void)snprintf(err, CONF_ERRLEN, "line %lu: %s", line, why);
	return -EBADMSG;
}

int import_check(json_t *record, unsigned long line, char err[CONF_ERRLEN])
{
	struct record_client c;
	const char *id, *of;
	enum record_kind kind;
	struct user u;
	int ret = record_kind(&kind, record);

	if (!ret && kind == RECORD_CLIENT)
		ret = record_client(&c, record);
	else if (!ret && kind == RECORD_USER)
		ret = record_user(&id, &u, record);
	else if (!ret)
		ret = record_alias(&id, &of, record);
	return ret ? refuse(err, record, line) : 0;
}

int import_take(struct import *im, json_t *record, unsigned long line,
		char err[CONF_ERRLEN])
{
	int ret = im->failed ? 0 : take(im, record, line, err);

	if (ret == -EBADMSG)
		return refuse(err, record, line);
	if (ret && !im->failed) {
		im->failed = ret;
		im->line = line;
	}
	if (im->failed)
		fail(err, im, im->failed);
	return im->failed;
}

int import_finish(struct import *im, char err[CONF_ERRLEN])
{
	int ret = im->empty ? 0 : errand_run(im->e, &im->empty, err);

	if (im->failed)
		fail(err, im, im->failed);
	return im->failed ? im->failed : ret;
}

struct import_counts import_counts(const struct import *im)
{
	return im->n;
}

int import_open(struct import **imp, struct errand *e)
{
	struct import *im = calloc(1, sizeof(*im));

	if (!im)
		return -ENOMEM;
	if (table_alloc(&im->ids, FLIGHTS_MAX)) {
		free(im);
		return -ENOMEM;
	}
	im->e = e;
	im->empty = true;
	for (size_t i = 0; i < FLIGHTS_MAX; i++) {
		im->flights[i].im = im;
		SLIST_INSERT_HEAD(&im->free, &im->flights[i], link);
	}
	*imp = im;
	return 0;
}

void import_close(struct import *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < FLIGHTS_MAX; i++)
		json_decref(im->flights[i].json);
	table_free(im->ids);
	free(im);
}
