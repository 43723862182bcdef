#include "proto/checkup.h"

#include "relayd/doctor.h"

/* Without it the relay is in no pool, and gets no calls. */
static const struct checkup_kind directories = {
	.check = "pool",
	.daemon = "redirectd",
	.distrusted = FINDING_FAIL,
	.elsewhere = FINDING_FAIL,
	.trust = "name this relay's address in its pool.trusted",
};

/* A proxy knows the relays that it has in `relays`, and those of the pool; this
 * one need not be for all of them. */
static const struct checkup_kind proxies = {
	.check = "proxy",
	.daemon = "proxyd",
	.optional = true,
	.distrusted = FINDING_WARN,
	.elsewhere = FINDING_FAIL,
	.trust = "name this relay in its relays, or let it join the pool that "
		 "the proxy asks for",
};

static size_t count_well(const struct checkup *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].well;
	return n;
}

/* Those that are well should have it in their pool; only the running relayd
 * knows. */
static void look_at_pool(const struct doctor *d, size_t well)
{
	json_int_t joined =
		json_integer_value(json_object_get(d->relay, "joined"));

	if (!d->relay || !well)
		return;
	if (joined >= (json_int_t)well)
		findings_add(d->f, FINDING_OK, "pool", NULL,
			     "%lld redirectd have this relay in the pool %s",
			     (long long)joined, d->conf->pool_cluster);
	else
		findings_add(d->f, FINDING_FAIL, "pool",
			     "name the cluster in pool.clusters of redirectd; "
			     "the log says what it answers",
			     "%lld of %zu redirectd have this relay in the "
			     "pool %s: calls may never come here",
			     (long long)joined, well, d->conf->pool_cluster);
}

static void look_at_directories(const struct doctor *d)
{
	struct addr v[JOINING_REDIRECTS_MAX];
	size_t n = relayd_conf_redirects(v, d->conf);
	struct checkup *c;

	if (!n || checkup_alloc(&c))
		return;
	for (size_t i = 0; i < n; i++)
		checkup_add(c, &d->control, &v[i]);
	checkup_ask(c);
	checkup_judge(d->f, &directories, c, NULL);
	look_at_pool(d, count_well(c));
	checkup_free(c);
}

static void look_at_proxies(const struct doctor *d)
{
	struct checkup *c;

	if (checkup_alloc(&c))
		return;
	checkup_add_hosts(c, &d->control, &d->conf->trusted, CHECKUP_SIP_PORT);
	checkup_ask(c);
	checkup_judge(d->f, &proxies, c, NULL);
	checkup_free(c);
}

void doctor_peers(const struct doctor *d)
{
	look_at_directories(d);
	look_at_proxies(d);
}
