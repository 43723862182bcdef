#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/avoid.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/siphash.h"
#include "common/strbuf.h"
#include "proto/registration.h"
#include "proxyd/conf.h"
#include "proxyd/edge.h"
#include "proxyd/flow.h"
#include "proxyd/proxy.h"

#include "proxyd/locating_internal.h"

enum {
	AVOIDED_MAX = 1024,
	TRY_MS = 4000, /* for one place while there is another */
	TRIES_MAX = 5,
	BUSY_MS = 5 * 1000, /* 503 without a Retry-After */
};

/* Of one branch: a look-up under way, then the places it has led to. */
struct location {
	resolve_id lookup;
	char *name; /* of whom we look for; NULL: an address */
	bool heard; /* the present one has answered something */
	size_t n, next;
	struct channel v[];
};

static int open_resolver(struct locating *l)
{
	char servers[PROXYD_SERVERS_LEN];
	const struct resolve_config cfg = {
		.loop = daemon_loop(l->p->daemon),
		.servers = servers,
		.arg = l->p,
	};
	int err = proxyd_conf_servers(servers, l->p->conf);

	return err ? err : resolve_alloc(&l->resolve, &cfg);
}

int locating_open(struct locating **lp, struct proxy *p, char err[CONF_ERRLEN])
{
	struct locating *l = calloc(1, sizeof(*l));
	int e;

	if (!l)
		return -ENOMEM;
	*lp = l;
	l->p = p;
	e = avoid_alloc(&l->avoid, AVOIDED_MAX);
	if (!e)
		e = open_resolver(l);
	if (!e)
		e = locating_acks_alloc(&l->acks);
	if (e)
		(void)snprintf(err, CONF_ERRLEN,
			       "resolver: no look-ups of names are possible: "
			       "%s; see /etc/resolv.conf",
			       strerror(-e));
	return e;
}

void locating_reload(struct locating *l)
{
	char servers[PROXYD_SERVERS_LEN];
	int err = proxyd_conf_servers(servers, l->p->conf);

	if (!err)
		err = resolve_reload(l->resolve, servers);
	if (err)
		log_error("the name servers stay as they were",
			  LOG_S("error", strerror(-err)));
}

void locating_close(struct locating *l)
{
	if (!l)
		return;
	resolve_free(l->resolve);
	locating_acks_free(l->acks);
	avoid_free(l->avoid);
	free(l);
}

void location_free(struct location *loc)
{
	if (loc)
		free(loc->name);
	free(loc);
}

/* What we can send over: the transports that we listen on, so that what comes
 * back finds us. Nobody opens a WebSocket to a server of SIP. */
static void add_means(struct resolve_query *q, const struct proxy *p)
{
	for (unsigned i = 1; i <= transports_count(p->transports); i++) {
		enum transport t = transports_transport(p->transports, i);
		const struct addr *self = transports_self(p->transports, i);

		if (t == TRANSPORT_WS || t == TRANSPORT_WSS || !self)
			continue;
		if (addr_family(self) == AF_INET)
			q->ip4 |= 1u << t;
		else
			q->ip6 |= 1u << t;
	}
}

/* One call always sees the same order (RFC 3263 4.4). */
int locating_query(struct resolve_query *q, const struct proxy *p,
		   const url_t *url, const char *call_id)
{
	int err = resolve_query_url(q, url);

	if (err)
		return err;
	add_means(q, p);
	q->seed = siphash_secret(call_id, strlen(call_id));
	return 0;
}

/* Those that may be contacted, the ones that have failed behind. */
size_t locating_choose(struct channel *v, struct proxy *p,
		       const struct resolve_list *list, const char *call_id)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (proxy_may_contact(p, &list->v[i].addr)) {
			v[n++] = list->v[i];
			continue;
		}
		p->n.rejected_target++;
		log_warn("a name leads to an address that is never contacted",
			 LOG_S("call_id", call_id),
			 LOG_A("dst", &list->v[i].addr));
	}
	avoid_sort(p->locating->avoid, v, n, proxy_now(p));
	return n;
}

/* The answer to the request where a name leads nowhere. */
static enum step_result fail(struct branch *b, int err)
{
	if (err == -ENOENT)
		return branch_fail(b, b->r->initial ? 404 : 502,
				   "No SIP Server Of That Name");
	if (err == -EPROTONOSUPPORT)
		return branch_fail(b, 502, "No Transport In Common");
	if (err == -ETIMEDOUT)
		return branch_fail(b, 504, "Name Servers Do Not Answer");
	b->r->p->n.overload++;
	return branch_fail(b, 503, NULL);
}

static int location_alloc(struct branch *b, const char *name)
{
	location_free(b->location);
	b->location = calloc(1, sizeof(*b->location));
	if (!b->location)
		return -ENOMEM;
	if (*name)
		b->location->name = strdup(name);
	return *name && !b->location->name ? -ENOMEM : 0;
}

static enum step_result found(struct branch *b, const struct resolve_list *list)
{
	size_t size =
		sizeof(struct location) + list->n * sizeof(struct channel);
	struct location *loc = realloc(b->location, size);
	char at[CHANNEL_STRLEN];

	if (!loc)
		return fail(b, -ENOMEM);
	b->location = loc;
	loc->next = 1;
	loc->n = locating_choose(loc->v, b->r->p, list, request_id(b->r));
	if (!loc->n)
		return branch_fail(b, 403, "Address Never Contacted");
	b->dest = loc->v[0];
	proxy_note(b->r->p, request_id(b->r), "located at %s, of %zu places",
		   channel_str(at, &b->dest), loc->n);
	return STEP_NEXT;
}

/* The branch may be another's, or gone: it is known by its look-up. */
static struct branch *waiting_for(struct proxy *p, txn_id server, resolve_id id)
{
	struct request *r = request_find(p, server);
	struct branch *b = r ? r->branches : NULL;

	while (b && !(b->location && b->location->lookup == id))
		b = b->next;
	return b;
}

static void resolved(resolve_id id, int err, const struct resolve_list *list,
		     uint64_t ref, void *arg)
{
	struct proxy *p = arg;
	struct branch *b = waiting_for(p, ref, id);

	if (b) {
		b->location->lookup = 0;
		if (!b->ended)
			(void)(err ? fail(b, err) : found(b, list));
		branch_answered(b);
	}
	edge_flush(p);
	proxy_arm(p);
}

static enum step_result look_up(struct branch *b, const struct resolve_query *q)
{
	int err =
		resolve_start(&b->location->lookup, b->r->p->locating->resolve,
			      q, resolved, b->r->server);

	if (err)
		return fail(b, err);
	b->waiting++;
	return STEP_WAIT;
}

enum step_result locating_start(struct branch *b, const url_t *url)
{
	struct request *r = b->r;
	struct resolve_query q;
	struct resolve_list list;
	int err;

	if (locating_query(&q, r->p, url, request_id(r)))
		return branch_fail(b, 502,
				   r->initial ? "Contact Is Not An Address"
					      : "Next Hop Is Not An Address");
	err = location_alloc(b, q.host);
	if (!err)
		err = resolve_at_once(&list, r->p->locating->resolve, &q);
	if (err == -EAGAIN)
		return look_up(b, &q);
	return err ? fail(b, err) : found(b, &list);
}

enum step_result locating_target(struct branch *b)
{
	url_t *url = url_make(msg_home(b->msg), b->target);
	struct channel ch;

	if (!url || registration_marked(url) ||
	    (!b->hunting.route && !sipmsg_url_channel(&ch, url)))
		return STEP_NEXT;
	return locating_start(b, url);
}

bool locating_failed(struct proxy *p, const url_t *url, const char *call_id)
{
	const struct avoid *avoid = p->locating->avoid;
	struct resolve_query q;
	struct resolve_list list;

	if (locating_query(&q, p, url, call_id) ||
	    resolve_at_once(&list, p->locating->resolve, &q) || !list.n)
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (!avoid_has(avoid, &list.v[i], proxy_now(p)))
			return false;
	return true;
}

bool locating_has(const struct branch *b)
{
	return b->location && b->location->n;
}

/* The next place: one that the relay, if there is one, serves too. */
static size_t next_of(const struct branch *b)
{
	const struct location *loc = b->location;
	size_t i = loc->next;

	while (i < loc->n && b->resource &&
	       addr_family(&loc->v[i].addr) != addr_family(&b->dest.addr))
		i++;
	return i < loc->n && i < TRIES_MAX ? i : 0;
}

int locating_connect_to(struct proxy *p, struct channel *ch, const char *name)
{
	if (!transport_is_stream(ch->transport))
		return 0;
	return transports_connect(p->transports, ch, name);
}

int locating_connect(struct branch *b)
{
	if (!locating_has(b))
		return 0;
	return locating_connect_to(b->r->p, &b->dest, b->location->name);
}

uint32_t locating_patience(const struct branch *b)
{
	return locating_has(b) && next_of(b) ? TRY_MS : 0;
}

/* How long it is left alone; 0: it is well. */
static uint64_t failed_for(int status, const msg_t *msg)
{
	const sip_t *sip = msg ? sip_object(msg) : NULL;

	if (!msg)
		return AVOID_FAILED_MS;
	if (status != 503)
		return 0;
	return sip->sip_retry_after ? sip->sip_retry_after->af_delta * 1000ull
				    : BUSY_MS;
}

bool locating_goes_on(struct branch *b, int status, const msg_t *msg)
{
	struct location *loc = b->location;
	struct request *r = b->r;
	struct avoid *avoid = r->p->locating->avoid;
	uint64_t ms = failed_for(status, msg);
	char from[CHANNEL_STRLEN], to[CHANNEL_STRLEN];
	size_t next;

	if (!locating_has(b) || !status || (!msg && loc->heard))
		return false;
	loc->heard = true;
	if (!ms) {
		avoid_del(avoid, &b->dest);
		return false;
	}
	avoid_add(avoid, &b->dest, proxy_now(r->p), ms);
	next = next_of(b);
	if (!next || b->ended || b->overdue || r->ended || r->cancelled)
		return false;
	r->p->n.failovers++;
	log_info("goes on to the next place", LOG_S("call_id", request_id(r)),
		 LOG_I("status", status),
		 LOG_S("failed", channel_str(from, &b->dest)),
		 LOG_S("dst", channel_str(to, &loc->v[next])));
	b->dest = loc->v[next];
	loc->next = next + 1;
	loc->heard = false;
	(void)flow_forward_again(b);
	return true;
}

const struct resolve_counts *locating_counts(const struct locating *l)
{
	return resolve_counts(l->resolve);
}

size_t locating_known(const struct locating *l)
{
	return resolve_known(l->resolve);
}

size_t locating_avoided(const struct locating *l)
{
	return avoid_count(l->avoid, proxy_now(l->p));
}
