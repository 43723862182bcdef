#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/siphash.h"
#include "common/sipmsg.h"
#include "relayd/crew.h"
#include "relayd/worker.h"

struct member {
	struct worker *worker;
	struct engine *engine;
};

struct crew {
	bool held;
	size_t n;
	struct member members[];
};

struct opening {
	struct member *member;
	const struct engine_config *cfg;
	int err;
};

static void open_engine(void *arg)
{
	struct opening *o = arg;

	o->err = engine_open(&o->member->engine, worker_loop(o->member->worker),
			     o->cfg);
}

/* What has been posted to the worker by then finds none (deliver()). */
static void close_engine(void *arg)
{
	struct member *m = arg;

	engine_close(m->engine);
	m->engine = NULL;
}

int crew_start(struct crew **cp, size_t n, const struct engine_config *cfg)
{
	struct crew *c = calloc(1, sizeof(*c) + n * sizeof(c->members[0]));
	int err = 0;

	if (!c)
		return -ENOMEM;
	while (!err && c->n < n) {
		struct opening o = {&c->members[c->n], cfg, 0};

		err = worker_start(&o.member->worker);
		if (err)
			break;
		c->n++;
		worker_call(o.member->worker, open_engine, &o);
		err = o.err;
	}
	if (err)
		crew_stop(c);
	else
		*cp = c;
	return err;
}

void crew_stop(struct crew *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct member *m = &c->members[i];

		if (c->held) {
			close_engine(m);
			worker_resume(m->worker);
		} else {
			worker_call(m->worker, close_engine, m);
		}
		worker_stop(m->worker);
	}
	free(c);
}

static struct member *member_of(struct crew *c, const char *call_id, size_t len)
{
	return &c->members[siphash_secret(call_id, len) % c->n];
}

/* A control datagram on its way to a worker. */
struct datagram {
	struct worker_task task;
	const struct member *member;
	const struct engine_door *door;
	struct addr src;
	size_t len;
	char data[];
};

static void deliver(struct worker_task *task)
{
	struct datagram *d = (struct datagram *)(void *)task;

	if (d->member->engine)
		engine_datagram(d->member->engine, d->door, &d->src, d->data,
				d->len);
	free(d);
}

bool crew_datagram(struct crew *c, const struct engine_door *door,
		   const struct addr *src, const char *data, size_t len)
{
	size_t id_len = 0;
	const char *id = sipmsg_peek_call_id(&id_len, data, len);
	struct member *m = member_of(c, id ? id : "", id_len);
	struct datagram *d = malloc(sizeof(*d) + len + 1);

	if (!d)
		return false;
	d->task.fn = deliver;
	d->member = m;
	d->door = door;
	d->src = *src;
	d->len = len;
	memcpy(d->data, data, len);
	d->data[len] = '\0';
	if (!worker_post(m->worker, &d->task))
		return true;
	free(d);
	return false;
}

void crew_hold(struct crew *c)
{
	for (size_t i = 0; i < c->n; i++)
		worker_hold(c->members[i].worker);
	c->held = true;
}

void crew_resume(struct crew *c)
{
	c->held = false;
	for (size_t i = 0; i < c->n; i++)
		worker_resume(c->members[i].worker);
}

bool crew_alive(struct crew *c)
{
	bool all = true;

	for (size_t i = 0; i < c->n; i++)
		all = worker_turned(c->members[i].worker) && all;
	return all;
}

struct asking {
	struct engine *engine;
	crew_h *fn;
	void *arg;
	int result;
};

static void ask(void *arg)
{
	struct asking *a = arg;

	a->result = a->fn(a->engine, a->arg);
}

static int ask_member(const struct crew *c, const struct member *m, crew_h *fn,
		      void *arg)
{
	struct asking a = {m->engine, fn, arg, 0};

	if (c->held)
		return fn(m->engine, arg);
	worker_call(m->worker, ask, &a);
	return a.result;
}

int crew_ask(struct crew *c, const char *call_id, crew_h *fn, void *arg)
{
	return ask_member(c, member_of(c, call_id, strlen(call_id)), fn, arg);
}

int crew_each(struct crew *c, crew_h *fn, void *arg)
{
	int result = 0;

	for (size_t i = 0; i < c->n && !result; i++)
		result = ask_member(c, &c->members[i], fn, arg);
	return result;
}
