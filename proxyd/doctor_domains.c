#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "common/dns.h"
#include "common/netset.h"
#include "common/resolve.h"
#include "common/resolve_order.h"

#include "proxyd/doctor.h"

enum { PATIENCE_MS = 3000 };

/* One domain on its way through the name servers. */
struct lookup {
	uv_loop_t loop;
	uv_timer_t guard;
	char servers[PROXYD_SERVERS_LEN];
	unsigned open;    /* questions without an answer */
	bool is_served;   /* it has SRV records */
	bool is_answered; /* a name server has said something */
	int err;
	struct resolve_list list;
};

static void on_late(uv_timer_t *guard)
{
	((struct lookup *)guard->data)->open = 0;
}

/* Until all that was asked is answered, or nobody will. */
static void wait_for(struct lookup *l)
{
	uv_update_time(&l->loop);
	(void)uv_timer_start(&l->guard, on_late, PATIENCE_MS, 0);
	while (l->open)
		uv_run(&l->loop, UV_RUN_ONCE);
	(void)uv_timer_stop(&l->guard);
}

static void on_srv(enum dns_type type, const char *name,
		   const struct dns_answer *a, void *arg)
{
	struct lookup *l = arg;

	(void)type;
	(void)name;
	l->is_served = l->is_served || a->n > 0;
	l->is_answered =
		l->is_answered || (a->err != -ETIMEDOUT && a->err != -EIO);
	l->open -= l->open > 0;
}

/* Who has no SRV record of SIP does not mean phones to look the domain up: they
 * have the proxy configured. */
static void ask_srv(struct lookup *l, const char *domain)
{
	static const enum transport ways[] = {TRANSPORT_UDP, TRANSPORT_TLS,
					      TRANSPORT_TCP};
	char name[DNS_NAME_LEN];
	struct dns *dns = NULL;

	if (dns_alloc(&dns, &l->loop, l->servers, on_srv, l))
		return;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		l->open += !resolve_srv_name(name, ways[i], domain) &&
			   !dns_ask(dns, DNS_SRV, name);
	wait_for(l);
	dns_free(dns);
}

static void on_resolved(resolve_id id, int err, const struct resolve_list *list,
			uint64_t ref, void *arg)
{
	struct lookup *l = arg;

	(void)id;
	(void)ref;
	l->err = err;
	if (list)
		l->list = *list;
	l->open = 0;
}

/* Over anything that phones may come by: it is the address that counts. */
static void resolve_domain(struct lookup *l, const char *domain)
{
	const struct resolve_config cfg = {
		.loop = &l->loop,
		.servers = l->servers,
		.arg = l,
	};
	struct resolve_query q = {.has_transport = false};
	struct resolve *r = NULL;
	resolve_id id;

	if (resolve_query_host(&q, domain, strlen(domain), 0) ||
	    resolve_alloc(&r, &cfg))
		return;
	q.ip4 = q.ip6 =
		1u << TRANSPORT_UDP | 1u << TRANSPORT_TCP | 1u << TRANSPORT_TLS;
	l->err = -ETIMEDOUT;
	l->open = !resolve_start(&id, r, &q, on_resolved, 0);
	wait_for(l);
	resolve_free(r);
}

static bool is_ours(const struct doctor *d, const struct netset *trusted,
		    const struct addr *a)
{
	return doctor_ends_have(&d->self, a) || doctor_host_has(a) ||
	       netset_has(trusted, a);
}

static void judge(const struct doctor *d, const struct netset *trusted,
		  const char *domain, const struct lookup *l)
{
	const struct resolve_list *list = &l->list;
	char at[ADDR_STRLEN];

	for (size_t i = 0; i < list->n; i++) {
		if (!is_ours(d, trusted, &list->v[i].addr))
			continue;
		findings_add(d->f, FINDING_OK, "domains", NULL,
			     "%s leads to %s, a proxy of this site", domain,
			     addr_str(at, &list->v[i].addr));
		return;
	}
	if (!list->n)
		findings_add(d->f, FINDING_WARN, "domains",
			     "give the targets of its SRV records addresses",
			     "%s has SRV records of SIP, which lead nowhere",
			     domain);
	else
		findings_add(d->f, FINDING_WARN, "domains",
			     "change its SRV records, or name the proxy that "
			     "they lead to in trusted",
			     "phones and callers that look up %s are led to "
			     "%s, which is no proxy of this site",
			     domain, addr_str(at, &list->v[0].addr));
}

/* Whether the name servers have said where it leads. */
static bool is_told(const struct lookup *l)
{
	return l->is_served && (!l->err || l->err == -ENOENT);
}

/* Whether it makes sense to go on with the next one. */
static bool look_up(const struct doctor *d, const struct netset *trusted,
		    const char *domain)
{
	struct lookup *l = calloc(1, sizeof(*l));
	struct addr ip;
	bool goes_on = true;

	if (!l || !addr_parse(&ip, domain, 0) || uv_loop_init(&l->loop)) {
		free(l);
		return true;
	}
	(void)uv_timer_init(&l->loop, &l->guard);
	l->guard.data = l;
	if (!proxyd_conf_servers(l->servers, d->conf))
		ask_srv(l, domain);
	if (l->is_served)
		resolve_domain(l, domain);
	if (is_told(l))
		judge(d, trusted, domain, l);
	uv_close((uv_handle_t *)&l->guard, NULL);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&l->loop);
	goes_on = l->is_answered;
	free(l);
	return goes_on;
}

void doctor_domains(const struct doctor *d)
{
	struct netset *trusted = NULL;
	int err = netset_alloc(&trusted);

	for (size_t i = 0; !err && i < d->conf->trusted.n; i++)
		err = netset_add(trusted, d->conf->trusted.v[i]);
	for (size_t i = 0; !err && i < d->conf->domains.n; i++)
		if (!look_up(d, trusted, d->conf->domains.v[i]))
			break;
	netset_free(trusted);
}
