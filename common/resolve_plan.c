#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/resolve_order.h"

#include "common/resolve_plan.h"

enum {
	SERVICES_MAX = 4,
	TARGETS_MAX = 8,
	ADDRS_MAX = 8, /* of one target */
};

/* A host that serves, with the port to use. */
struct target {
	enum transport transport;
	uint16_t port;
	const char *name; /* lives in the query, the services or an answer */
};

/* One run of the procedure. */
struct run {
	struct resolve_plan *out;
	const struct resolve_query *q;
	resolve_lookup_h *lookup;
	void *arg;
	uint64_t random;
	bool failed;  /* name servers did not answer something */
	bool refused; /* an SRV says that there is no such service */
	size_t nservices, ntargets;
	struct resolve_service services[SERVICES_MAX];
	struct target targets[TARGETS_MAX];
};

/* In the order of our liking where a domain does not say (RFC 3263 4.1). */
static const enum transport liking[] = {TRANSPORT_UDP, TRANSPORT_TCP,
					TRANSPORT_TLS};

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcmp(name + n - m, end);
}

int resolve_query_host(struct resolve_query *q, const char *host, size_t len,
		       uint16_t port)
{
	struct resolve_query out = *q;

	out.host[0] = '\0';
	out.addr = (struct addr){0};
	out.port = port;
	if (addr_set(&out.addr, host, len, 0) &&
	    dnsmsg_name(out.host, host, len))
		return -EINVAL;
	*q = out;
	return 0;
}

static unsigned usable(const struct resolve_query *q)
{
	return q->ip4 | q->ip6;
}

static bool speaks(unsigned transports, enum transport t)
{
	return transports & 1u << t;
}

/* The transport asked for, as a sips URI would have it (RFC 3261 26.2.2). */
static int explicit_transport(enum transport *t, const struct resolve_query *q)
{
	*t = q->transport;
	if (q->sips && *t == TRANSPORT_TCP)
		*t = TRANSPORT_TLS;
	else if (q->sips && *t == TRANSPORT_WS)
		*t = TRANSPORT_WSS;
	if ((q->sips && *t == TRANSPORT_UDP) || !speaks(usable(q), *t))
		return -EPROTONOSUPPORT;
	return 0;
}

/* The one to use without any hint: UDP, and TLS for sips. */
static int default_transport(enum transport *t, const struct resolve_query *q)
{
	if (q->has_transport)
		return explicit_transport(t, q);
	for (size_t i = 0; i < sizeof(liking) / sizeof(liking[0]); i++) {
		*t = liking[i];
		if (speaks(usable(q), *t) && (!q->sips || *t == TRANSPORT_TLS))
			return 0;
	}
	return -EPROTONOSUPPORT;
}

static void add_missing(struct run *run, enum dns_type type, const char *name)
{
	struct resolve_plan *out = run->out;
	struct resolve_question *m = &out->missing[out->nmissing];

	for (size_t i = 0; i < out->nmissing; i++)
		if (out->missing[i].type == type &&
		    !strcmp(out->missing[i].name, name))
			return;
	if (out->nmissing == RESOLVE_QUESTIONS_MAX)
		return;
	m->type = type;
	(void)strncpy(m->name, name, sizeof(m->name) - 1);
	m->name[sizeof(m->name) - 1] = '\0';
	out->nmissing++;
}

/* NULL: it has to be asked. */
static const struct dns_answer *known(struct run *run, enum dns_type type,
				      const char *name)
{
	const struct dns_answer *a = run->lookup(type, name, run->arg);

	if (!a)
		add_missing(run, type, name);
	else if (a->err && a->err != -ENOENT)
		run->failed = true;
	return a;
}

static void add_target(struct run *run, enum transport t, uint16_t port,
		       const char *name)
{
	if (run->ntargets < TARGETS_MAX)
		run->targets[run->ntargets++] = (struct target){t, port, name};
}

static int add_service(struct run *run, enum transport t)
{
	struct resolve_service *s = &run->services[run->nservices];

	s->transport = t;
	s->is_host = false;
	if (resolve_srv_name(s->name, t, run->q->host))
		return -EINVAL;
	run->nservices++;
	return 0;
}

/* The targets of one service; false: it has none. */
static bool serve(struct run *run, const struct resolve_service *s,
		  const struct dns_answer *srv)
{
	uint8_t order[DNS_RECORDS_MAX];
	size_t n = resolve_order_srv(order, srv, &run->random);

	for (size_t i = 0; i < n; i++) {
		const struct dns_srv *r = &srv->rr[order[i]].u.srv;

		add_target(run, s->transport, r->port, r->target);
	}
	if (srv->n && !n)
		run->refused = true;
	return n > 0;
}

/* Those that the domain has chosen by NAPTR: all of them, in its order. */
static void chosen_targets(struct run *run)
{
	for (size_t i = 0; i < run->nservices; i++) {
		const struct resolve_service *s = &run->services[i];
		const struct dns_answer *srv;

		if (s->is_host) {
			add_target(run, s->transport,
				   transport_port(s->transport), s->name);
			continue;
		}
		srv = known(run, DNS_SRV, s->name);
		if (srv)
			(void)serve(run, s, srv);
	}
}

/* The first of those that we like which the domain has. All are asked for at
 * the same time. */
static void liked_targets(struct run *run)
{
	for (size_t i = 0; i < run->nservices; i++) {
		const struct resolve_service *s = &run->services[i];
		const struct dns_answer *srv = known(run, DNS_SRV, s->name);

		if (srv && !run->out->nmissing && serve(run, s, srv))
			return;
	}
}

static int like_services(struct run *run)
{
	const struct resolve_query *q = run->q;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(liking) / sizeof(liking[0]); i++)
		if (speaks(usable(q), liking[i]) &&
		    (!q->sips || liking[i] == TRANSPORT_TLS))
			err = add_service(run, liking[i]);
	if (!err && !run->nservices)
		err = -EPROTONOSUPPORT;
	return err;
}

/* RFC 3263 4.1: by NAPTR, or by which SRV there are. */
static int by_domain(struct run *run)
{
	const struct dns_answer *naptr = known(run, DNS_NAPTR, run->q->host);
	int n;

	if (!naptr)
		return -EAGAIN;
	n = resolve_order_naptr(run->services, SERVICES_MAX, naptr,
				usable(run->q), run->q->sips);
	if (n == -EPROTONOSUPPORT)
		return n;
	if (n > 0) {
		run->nservices = (size_t)n;
		chosen_targets(run);
		return 0;
	}
	n = like_services(run);
	if (!n)
		liked_targets(run);
	return n;
}

static int by_transport(struct run *run)
{
	enum transport t;
	int err = explicit_transport(&t, run->q);

	if (!err)
		err = add_service(run, t);
	if (!err)
		liked_targets(run);
	return err;
}

/* RFC 3263 4.2: the host itself, on the port given or that of the transport. */
static int by_host(struct run *run)
{
	const struct resolve_query *q = run->q;
	enum transport t;
	int err = default_transport(&t, q);

	if (run->nservices) /* the domain's first choice, though without SRV */
		t = run->services[0].transport;
	if (!err)
		add_target(run, t, q->port ? q->port : transport_port(t),
			   q->host);
	return err;
}

static int find_targets(struct run *run)
{
	const struct resolve_query *q = run->q;
	int err = 0;

	if (!q->port)
		err = q->has_transport ? by_transport(run) : by_domain(run);
	if (err)
		return err;
	if (run->out->nmissing)
		return -EAGAIN;
	if (run->ntargets)
		return 0;
	return run->refused ? -ENOENT : by_host(run);
}

static bool listed(const struct resolve_list *list, const struct channel *ch)
{
	for (size_t i = 0; i < list->n; i++)
		if (channel_eq(&list->v[i], ch))
			return true;
	return false;
}

static void add_channel(struct resolve_list *list, enum transport t,
			const struct addr *a, uint16_t port)
{
	struct channel ch = {.addr = *a, .transport = t};

	addr_set_port(&ch.addr, port);
	if (list->n < RESOLVE_CHANNELS_MAX && !listed(list, &ch))
		list->v[list->n++] = ch;
}

/* Equal addresses share the calls: each begins with another one. */
static void add_addrs(struct run *run, const struct target *t,
		      const struct dns_answer *a)
{
	size_t first = a->n ? resolve_random(&run->random) % a->n : 0;

	for (size_t i = 0; i < a->n && i < ADDRS_MAX; i++)
		add_channel(&run->out->list, t->transport,
			    &a->rr[(first + i) % a->n].u.addr, t->port);
}

/* Both families where we have both, IPv6 first (RFC 7984, 6724). */
static void find_addrs(struct run *run, const struct target *t)
{
	const struct resolve_query *q = run->q;
	const struct dns_answer *a;

	if (speaks(q->ip6, t->transport)) {
		a = known(run, DNS_AAAA, t->name);
		if (a)
			add_addrs(run, t, a);
	}
	if (speaks(q->ip4, t->transport)) {
		a = known(run, DNS_A, t->name);
		if (a)
			add_addrs(run, t, a);
	}
}

/* An address needs nobody's answer. */
static int at_once(struct run *run)
{
	const struct resolve_query *q = run->q;
	struct resolve_query family = *q;
	enum transport t;
	int err;

	if (addr_family(&q->addr) == AF_INET)
		family.ip6 = 0;
	else
		family.ip4 = 0;
	err = default_transport(&t, &family);
	if (!err)
		add_channel(&run->out->list, t, &q->addr,
			    q->port ? q->port : transport_port(t));
	return err;
}

int resolve_plan(struct resolve_plan *out, const struct resolve_query *q,
		 resolve_lookup_h *lookup, void *arg)
{
	struct run run = {
		.out = out,
		.q = q,
		.lookup = lookup,
		.arg = arg,
		.random = q->seed,
	};
	int err;

	out->list.n = 0;
	out->nmissing = 0;
	if (!addr_is_none(&q->addr))
		return at_once(&run);
	/* RFC 6761 6.4: nobody is there, and nobody is to be asked. */
	if (!q->host[0] || !strcmp(q->host, "invalid") ||
	    ends_with(q->host, ".invalid"))
		return -ENOENT;
	err = find_targets(&run);
	for (size_t i = 0; !err && i < run.ntargets; i++)
		find_addrs(&run, &run.targets[i]);
	if (err)
		return err;
	if (out->nmissing)
		return -EAGAIN;
	if (out->list.n)
		return 0;
	return run.failed ? -ETIMEDOUT : -ENOENT;
}
