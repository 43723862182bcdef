#include <uv.h>

#include "common/ask.h"
#include "proto/checkup.h"

#include "relayd/doctor.h"

enum { JOIN_LOOKS = 12, JOIN_LOOK_MS = 250 };

/* Without it the relay is in no pool, and gets no calls. */
static const struct checkup_kind directories = {
	.check = "pool",
	.daemon = "redirectd",
	.distrusted = FINDING_FAIL,
	.elsewhere = FINDING_FAIL,
	.trust = "name this relay's address in its pool.trusted",
	.no_end = "the first address in listen, which joins the pool, is of "
		  "another family",
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

/* In how many pools it is; only the running relayd knows. One that has just
 * started joins in a moment. */
static json_int_t count_joined(const struct doctor *d, size_t well)
{
	const struct ask q = {.http = d->conf->http, .path = "/api/relay"};
	json_int_t joined = 0;
	char why[CONF_ERRLEN];

	for (int i = 0; i < JOIN_LOOKS && joined < (json_int_t)well; i++) {
		json_t *relay = NULL;

		if (i)
			uv_sleep(JOIN_LOOK_MS);
		if (ask(&relay, &q, why))
			break;
		joined = json_integer_value(json_object_get(relay, "joined"));
		json_decref(relay);
	}
	return joined;
}

/* Those that are well should have it in their pool, but while it drains. */
static void look_at_pool(const struct doctor *d, size_t well)
{
	json_int_t joined;

	if (!d->relay || !well)
		return;
	if (d->host.draining) {
		findings_add(d->f, FINDING_OK, "pool", NULL,
			     "this relay is drained: it is in no pool, as it "
			     "takes no new calls");
		return;
	}
	joined = count_joined(d, well);
	if (joined >= (json_int_t)well)
		findings_add(d->f, FINDING_OK, "pool", NULL,
			     "this relay is in the pool %s of %zu redirectd",
			     d->conf->pool_cluster, well);
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
		checkup_add(c, &d->joins, &v[i]);
	checkup_ask(c);
	checkup_judge(d->f, &directories, c, NULL);
	look_at_pool(d, count_well(c));
	checkup_free(c);
}

void doctor_peers(const struct doctor *d)
{
	look_at_directories(d);
	checkup_hosts(d->f, &proxies, &d->ends, &d->conf->trusted);
}
