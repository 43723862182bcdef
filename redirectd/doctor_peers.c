#include <jansson.h>

#include "common/ask.h"
#include "proto/checkup.h"

#include "redirectd/doctor.h"

/* A proxy that does not name us in `redirect` takes us for a phone: it may be
 * meant so, and then it is not ours to ask for. */
static const struct checkup_kind proxies = {
	.check = "proxy",
	.daemon = "proxyd",
	.optional = true,
	.distrusted = FINDING_WARN,
	.elsewhere = FINDING_FAIL,
	.trust = "name this redirectd in its redirect",
};

static const struct checkup_kind relays = {
	.check = "relay",
	.daemon = "relayd",
	.optional = true,
	.distrusted = FINDING_WARN,
	.elsewhere = FINDING_FAIL,
	.trust = "name this redirectd in its pool.redirect",
	.no_end = "listen is of another family",
};

static void add_relays(struct checkup *c, const struct doctor *d,
		       const json_t *list)
{
	const json_t *one;
	struct addr a;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *at =
			json_string_value(json_object_get(one, "relay"));

		if (at && !addr_parse(&a, at, 0))
			checkup_add(c, &d->ends, &a);
	}
}

/* Whether there should be any the proxies know better: those with a list of
 * their own need no pool. */
static void look_at_relays(const struct doctor *d)
{
	const struct ask q = {.http = d->conf->http, .path = "/api/relays"};
	char why[CONF_ERRLEN];
	json_t *list = NULL;
	struct checkup *c;

	if (!d->host.running || ask(&list, &q, why) || checkup_alloc(&c)) {
		json_decref(list);
		return;
	}
	add_relays(c, d, list);
	json_decref(list);
	checkup_ask(c);
	checkup_judge(d->f, &relays, c, NULL);
	checkup_free(c);
}

void doctor_peers(const struct doctor *d)
{
	checkup_hosts(d->f, &proxies, &d->ends, &d->conf->trusted);
	look_at_relays(d);
}
