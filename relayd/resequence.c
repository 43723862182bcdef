#include <errno.h>
#include <stdlib.h>

#include "relayd/counters.h"
#include "relayd/resequence.h"

struct direction {
	struct resequence *owner;
	enum learn_side from;
	struct reorder *reorder;
	struct reorder_counts told; /* to the counters */
};

struct resequence {
	uv_timer_t timer;
	uint64_t due; /* UINT64_MAX: the timer rests */
	struct resequence_config cfg;
	struct direction dir[LEARN_SIDES];
};

static void on_out(const uint8_t *data, size_t len, void *arg)
{
	const struct direction *d = arg;
	const struct resequence_config *cfg = &d->owner->cfg;

	cfg->out(d->from, data, len, cfg->arg);
}

static void count(struct direction *d)
{
	const struct reorder_counts *n = reorder_counts(d->reorder);
	struct relayd_counters *c = d->owner->cfg.counters;

	c->resequence_held += n->held - d->told.held;
	c->resequence_given_up += n->given_up - d->told.given_up;
	c->resequence_late += n->late - d->told.late;
	c->resequence_duplicates += n->duplicates - d->told.duplicates;
	d->told = *n;
}

static void on_timer(uv_timer_t *timer);

/* Have the timer run when the first gap of either direction is given up. */
static void arm(struct resequence *r)
{
	uint64_t now = uv_now(r->cfg.loop), due = UINT64_MAX;

	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		uint64_t one = reorder_due(r->dir[i].reorder);

		if (one < due)
			due = one;
	}
	if (due == r->due)
		return;
	r->due = due;
	if (due == UINT64_MAX)
		uv_timer_stop(&r->timer);
	else
		uv_timer_start(&r->timer, on_timer, due > now ? due - now : 0,
			       0);
}

static void on_timer(uv_timer_t *timer)
{
	struct resequence *r = timer->data;

	r->cfg.look(r->cfg.arg);
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		reorder_run(r->dir[i].reorder, uv_now(r->cfg.loop));
		count(&r->dir[i]);
	}
	r->due = UINT64_MAX;
	arm(r);
}

static void discard(struct resequence *r)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++)
		reorder_free(r->dir[i].reorder);
	free(r);
}

int resequence_open(struct resequence **rp, const struct resequence_config *cfg)
{
	struct resequence *r = calloc(1, sizeof(*r));
	int err = r ? 0 : -ENOMEM;

	for (unsigned i = 0; !err && i < LEARN_SIDES; i++) {
		struct direction *d = &r->dir[i];

		d->owner = r;
		d->from = (enum learn_side)i;
		err = reorder_alloc(&d->reorder, cfg->wait_ms, on_out, d);
	}
	if (err) {
		if (r)
			discard(r);
		return err;
	}
	r->cfg = *cfg;
	r->due = UINT64_MAX;
	uv_timer_init(cfg->loop, &r->timer);
	r->timer.data = r;
	*rp = r;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	discard(h->data);
}

void resequence_close(struct resequence *r)
{
	if (r)
		uv_close((uv_handle_t *)&r->timer, on_closed);
}

void resequence_packet(struct resequence *r, enum learn_side from,
		       const struct reorder_packet *p)
{
	struct direction *d = &r->dir[from];

	reorder_push(d->reorder, p, uv_now(r->cfg.loop));
	count(d);
	arm(r);
}

void resequence_flush(struct resequence *r)
{
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		reorder_run(r->dir[i].reorder, UINT64_MAX);
		count(&r->dir[i]);
	}
	arm(r);
}

uint32_t resequence_wait(const struct resequence *r)
{
	return r->cfg.wait_ms;
}

const struct reorder_counts *resequence_counts(const struct resequence *r,
					       enum learn_side from)
{
	return reorder_counts(r->dir[from].reorder);
}
