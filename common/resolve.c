#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"
#include "common/resolve_asking.h"
#include "common/table.h"

#include "common/resolve.h"

enum {
	MAX = 4096,
	CACHE_MAX = 4096,
	TIMEOUT_MS = 5000,
	GRACE_MS = 300,  /* for further addresses once there is one */
	ASKED_MAX = 512, /* by one look-up, in all its runs */
};

struct resolve {
	struct resolve_config cfg;
	struct resolve_asking *asking;
	struct deadlines *deadlines;
	uv_timer_t *timer;
	struct table *jobs; /* resolve_id -> struct job */
	resolve_id last;
	struct resolve_plan plan; /* of the run that is going on */
	struct resolve_counts n;
};

/* One look-up, until its handler has been called. */
struct job {
	struct resolve *r;
	resolve_id id;
	struct resolve_query query;
	size_t asked; /* over all runs */
	bool done;
	bool has_grace;
	int err;
	struct resolve_list list;
	deadline_id end; /* the timeout, then the report */
	deadline_id grace;
	resolve_h *fn;
	uint64_t ref;
};

static uint64_t now_of(const struct resolve *r)
{
	return uv_now(r->cfg.loop);
}

static void on_timer(uv_timer_t *timer);

static void arm(struct resolve *r)
{
	uint64_t next = deadlines_next(r->deadlines), now = now_of(r);

	if (next == UINT64_MAX)
		(void)uv_timer_stop(r->timer);
	else
		(void)uv_timer_start(r->timer, on_timer,
				     next > now ? next - now : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct resolve *r = timer->data;

	deadlines_run(r->deadlines, now_of(r));
	arm(r);
}

static struct job *find_job(struct resolve *r, resolve_id id)
{
	return table_get(r->jobs, &id, sizeof(id));
}

static void job_free(void *value)
{
	struct job *j = value;

	deadlines_cancel(j->r->deadlines, j->end);
	deadlines_cancel(j->r->deadlines, j->grace);
	free(j);
}

static void job_remove(struct job *j)
{
	(void)table_del(j->r->jobs, &j->id, sizeof(j->id));
	job_free(j);
}

static void on_report(void *arg)
{
	struct job *j = arg;
	struct resolve *r = j->r;
	struct job copy = *j;

	j->end = 0;
	job_remove(j);
	r->n.failures += copy.err != 0;
	copy.fn(copy.id, copy.err, copy.err ? NULL : &copy.list, copy.ref,
		r->cfg.arg);
}

/* Reported in a later turn: whoever is being called now is not called again. */
static void job_done(struct job *j, int err, const struct resolve_list *list)
{
	struct resolve *r = j->r;

	j->done = true;
	j->err = err;
	j->list = *list;
	deadlines_cancel(r->deadlines, j->end);
	deadlines_cancel(r->deadlines, j->grace);
	j->grace = 0;
	if (deadlines_add(&j->end, r->deadlines, now_of(r), on_report, j)) {
		j->end = 0;
		on_report(j);
	}
}

static const struct dns_answer *lookup(enum dns_type type, const char *name,
				       void *arg)
{
	const struct resolve *r = arg;

	return resolve_asking_known(r->asking, type, name);
}

/* Time is up: what is not known by now is not going to be. */
static const struct dns_answer *lookup_last(enum dns_type type,
					    const char *name, void *arg)
{
	static const struct dns_answer none = {.err = -ETIMEDOUT};
	const struct dns_answer *a = lookup(type, name, arg);

	return a ? a : &none;
}

static void job_end(struct job *j)
{
	struct resolve *r = j->r;
	int err = resolve_plan(&r->plan, &j->query, lookup_last, r);

	job_done(j, err, &r->plan.list);
}

static void on_timeout(void *arg)
{
	struct job *j = arg;

	j->end = 0;
	job_end(j);
}

static void on_grace(void *arg)
{
	struct job *j = arg;

	j->grace = 0;
	job_end(j);
}

/* Everything that is missing; true where some of it is known now. */
static bool ask_all(struct job *j)
{
	struct resolve *r = j->r;
	bool known = false;

	j->asked += r->plan.nmissing;
	for (size_t i = 0; i < r->plan.nmissing; i++)
		if (resolve_asking_ask(r->asking, &r->plan.missing[i], j->id))
			known = true;
	return known;
}

static void grant_grace(struct job *j)
{
	struct resolve *r = j->r;

	if (!j->has_grace && r->plan.list.n)
		j->has_grace =
			!deadlines_add(&j->grace, r->deadlines,
				       now_of(r) + GRACE_MS, on_grace, j);
}

/* As far as it goes with what is known by now. */
static void job_run(struct job *j)
{
	struct resolve *r = j->r;
	int err;

	if (j->done)
		return;
	do {
		err = resolve_plan(&r->plan, &j->query, lookup, r);
		if (err != -EAGAIN) {
			job_done(j, err, &r->plan.list);
			return;
		}
		if (j->asked + r->plan.nmissing > ASKED_MAX) {
			job_end(j);
			return;
		}
	} while (ask_all(j));
	grant_grace(j);
}

static void on_known(uint64_t waiter, void *arg)
{
	struct resolve *r = arg;
	struct job *j = find_job(r, waiter);

	if (j)
		job_run(j);
	arm(r);
}

static int open_timer(struct resolve *r)
{
	r->timer = calloc(1, sizeof(*r->timer));
	if (!r->timer)
		return -ENOMEM;
	r->timer->data = r;
	return uv_timer_init(r->cfg.loop, r->timer);
}

static int open_asking(struct resolve *r)
{
	const struct resolve_asking_config cfg = {
		.loop = r->cfg.loop,
		.servers = r->cfg.servers,
		.max = r->cfg.max,
		.cache_max = r->cfg.cache_max ? r->cfg.cache_max : CACHE_MAX,
		.counts = &r->n,
		.fn = on_known,
		.arg = r,
	};

	return resolve_asking_alloc(&r->asking, &cfg);
}

int resolve_alloc(struct resolve **rp, const struct resolve_config *cfg)
{
	struct resolve *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->cfg = *cfg;
	if (!r->cfg.max)
		r->cfg.max = MAX;
	if (!r->cfg.timeout_ms)
		r->cfg.timeout_ms = TIMEOUT_MS;
	err = deadlines_alloc(&r->deadlines);
	if (!err)
		err = table_alloc(&r->jobs, r->cfg.max);
	if (!err)
		err = open_timer(r);
	if (!err)
		err = open_asking(r);
	if (err) {
		resolve_free(r);
		return err;
	}
	*rp = r;
	return 0;
}

int resolve_at_once(struct resolve_list *list, struct resolve *r,
		    const struct resolve_query *q)
{
	int err = resolve_plan(&r->plan, q, lookup, r);

	if (!err)
		*list = r->plan.list;
	return err;
}

int resolve_start(resolve_id *id, struct resolve *r,
		  const struct resolve_query *q, resolve_h *fn, uint64_t ref)
{
	struct job *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->r = r;
	j->id = ++r->last;
	j->query = *q;
	j->fn = fn;
	j->ref = ref;
	err = deadlines_add(&j->end, r->deadlines,
			    now_of(r) + r->cfg.timeout_ms, on_timeout, j);
	if (!err)
		err = table_put(r->jobs, &j->id, sizeof(j->id), j);
	if (err) {
		r->n.refused++;
		job_free(j);
		return err;
	}
	r->n.lookups++;
	*id = j->id;
	job_run(j);
	arm(r);
	return 0;
}

void resolve_cancel(struct resolve *r, resolve_id id)
{
	struct job *j = find_job(r, id);

	if (j)
		job_remove(j);
}

int resolve_reload(struct resolve *r, const char *servers)
{
	return resolve_asking_reload(r->asking, servers);
}

const struct resolve_counts *resolve_counts(const struct resolve *r)
{
	return &r->n;
}

size_t resolve_known(const struct resolve *r)
{
	return resolve_asking_kept(r->asking);
}

size_t resolve_pending(const struct resolve *r)
{
	return table_count(r->jobs);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void resolve_free(struct resolve *r)
{
	if (!r)
		return;
	resolve_asking_free(r->asking);
	if (r->timer)
		uv_close((uv_handle_t *)r->timer, timer_closed);
	table_free_values(r->jobs, job_free);
	deadlines_free(r->deadlines);
	free(r);
}
