#include <errno.h>
#include <stdlib.h>

#include "common/table.h"
#include "proxyd/edge.h"
#include "proxyd/proxy.h"

#include "proxyd/locating_internal.h"

enum { ACKS_MAX = 4096 };

/* A message that waits, and who sends it on. */
struct held {
	msg_t *msg;
	struct resolve_query q;
	locating_found_h *fn;
};

static void held_free(void *value)
{
	struct held *h = value;

	msg_destroy(h->msg);
	free(h);
}

int locating_acks_alloc(struct table **tp)
{
	return table_alloc(tp, ACKS_MAX);
}

void locating_acks_free(struct table *t)
{
	table_free_values(t, held_free);
}

static struct held *take(struct locating *l, uint64_t ref)
{
	return table_del(l->acks, &ref, sizeof(ref));
}

/* An ACK has one try: whoever waits for it says its 200 again. */
static void send_on(struct proxy *p, struct held *h,
		    const struct resolve_list *list)
{
	const char *call_id = sip_object(h->msg)->sip_call_id->i_id;
	const char *name = *h->q.host ? h->q.host : NULL;
	struct channel v[RESOLVE_CHANNELS_MAX];

	if (!locating_choose(v, p, list, call_id) ||
	    locating_connect_to(p, &v[0], name)) {
		held_free(h);
		return;
	}
	h->fn(p, h->msg, &v[0]);
	free(h);
}

static void resolved(resolve_id id, int err, const struct resolve_list *list,
		     uint64_t ref, void *arg)
{
	struct proxy *p = arg;
	struct held *h = take(p->locating, ref);

	(void)id;
	if (h && err)
		held_free(h);
	else if (h)
		send_on(p, h, list);
	edge_flush(p);
	proxy_arm(p);
}

static void hold(struct locating *l, struct held *h)
{
	uint64_t ref = ++l->last_ack;
	resolve_id id;

	if (table_put(l->acks, &ref, sizeof(ref), h))
		held_free(h);
	else if (resolve_start(&id, l->resolve, &h->q, resolved, ref))
		held_free(take(l, ref));
}

void locating_ack(struct proxy *p, msg_t *msg, const url_t *url,
		  locating_found_h *fn)
{
	const char *call_id = sip_object(msg)->sip_call_id->i_id;
	struct held *h = calloc(1, sizeof(*h));
	struct resolve_list list;
	int err;

	if (!h) {
		msg_destroy(msg);
		return;
	}
	h->msg = msg;
	h->fn = fn;
	err = locating_query(&h->q, p, url, call_id);
	if (!err)
		err = resolve_at_once(&list, p->locating->resolve, &h->q);
	if (!err)
		send_on(p, h, &list);
	else if (err == -EAGAIN)
		hold(p->locating, h);
	else
		held_free(h);
}
