#include <errno.h>
#include <stdio.h>
#include <uv.h>

#include "common/strbuf.h"
#include "proto/pool.h"

#include "proxyd/doctor.h"

enum { POOL_LOOKS = 12, POOL_LOOK_MS = 250 };

static const char no_end[] = "listen has no UDP address of that family";

/* What it answers needs no trust, so that it is heard from elsewhere too. */
static const struct checkup_kind directories = {
	.check = "redirect",
	.daemon = "redirectd",
	.distrusted = FINDING_FAIL,
	.elsewhere = FINDING_WARN,
	.trust = "name this proxy's address in its trusted",
	.no_end = no_end,
};

/* Notices of it are believed from the address alone that we know. */
static const struct checkup_kind relays = {
	.check = "relay",
	.daemon = "relayd",
	.distrusted = FINDING_FAIL,
	.elsewhere = FINDING_FAIL,
	.trust = "name this proxy's address in its trusted",
	.no_end = no_end,
};

static const struct checkup_kind proxies = {
	.check = "proxy",
	.daemon = "proxyd",
	.optional = true,
	.distrusted = FINDING_FAIL,
	.elsewhere = FINDING_FAIL,
	.trust = "name this proxy's address in its trusted; or it is no proxy, "
		 "and not to be trusted here",
};

/* Prepare the question for the pool of relays. */
static int ask_pool(struct doctor_question *q, const struct doctor *d,
		    const struct addr *redirect)
{
	char branch[DOCTOR_TOKEN_LEN + 8];
	const struct proto_hop hop = {&q->self, branch, redirect};
	struct relay_request r = {.cseq = 1};
	struct doctor_question *one = q;
	struct strbuf sb;

	if (doctor_open(q, &d->bound, redirect))
		return q->err;
	(void)snprintf(branch, sizeof(branch), "z9hG4bK%s", q->token);
	r.call_id = r.from_tag = q->token;
	strbuf_init(&sb, q->text, sizeof(q->text));
	q->err = pool_query_print(&sb, &hop, &r, d->conf->cluster);
	q->len = sb.len;
	doctor_ask(&one, 1);
	return q->err;
}

/* How many relays it named; 0: none, negative: it did not say. */
static int read_pool(struct pool_relay v[POOL_RELAYS_MAX],
		     const struct doctor_question *q)
{
	msg_t *msg = NULL;
	const sip_t *sip;
	int n;

	if (sipmsg_parse(&msg, q->answer, q->answer_len, NULL))
		return -EBADMSG;
	sip = sip_object(msg);
	n = pool_answer_parse(v, sip);
	if (n < 0 && sip->sip_status && sip->sip_status->st_status == 480)
		n = 0;
	msg_destroy(msg);
	return n;
}

/* The relays that have joined one of the redirectd that are well: the first
 * that has any, for one that has just been restarted waits for them to join it
 * again. As read_pool(). */
static int find_pool(struct pool_relay v[POOL_RELAYS_MAX],
		     const struct doctor *d, const struct checkup *redirects)
{
	struct doctor_question q;
	int found = -ENOENT, n;

	for (size_t i = 0; found <= 0 && i < redirects->n; i++) {
		if (!redirects->v[i].well)
			continue;
		n = ask_pool(&q, d, &redirects->v[i].q.to) ? -ENOENT
							   : read_pool(v, &q);
		doctor_close(&q);
		if (n > found)
			found = n;
	}
	return found;
}

/* What has just been started joins in a moment. */
static void add_pool(struct checkup *to, const struct doctor *d,
		     const struct checkup *redirects)
{
	struct pool_relay v[POOL_RELAYS_MAX];
	int n = find_pool(v, d, redirects);

	for (int i = 1; n == 0 && i < POOL_LOOKS; i++) {
		uv_sleep(POOL_LOOK_MS);
		n = find_pool(v, d, redirects);
	}
	if (n == 0)
		findings_add(d->f, FINDING_FAIL, "relay",
			     "start a relayd with this redirectd in "
			     "pool.redirect and this cluster in pool.cluster",
			     "no relay has joined the pool %s: calls of phones "
			     "behind NATs fail",
			     d->conf->cluster);
	for (int i = 0; i < n; i++)
		checkup_add(to, &d->bound, &v[i].at);
}

static void add_relays(struct checkup *to, const struct doctor *d,
		       const struct checkup *redirects)
{
	struct addr a;

	for (size_t i = 0; i < d->conf->relays.n; i++) {
		const char *relay = d->conf->relays.v[i];

		if (proxyd_conf_is_auto(relay))
			add_pool(to, d, redirects);
		else if (!addr_parse(&a, relay, PROXYD_RELAY_PORT))
			checkup_add(to, &d->bound, &a);
	}
}

static void look_at_relays(const struct doctor *d,
			   const struct checkup *redirects)
{
	struct checkup *c;

	if (checkup_alloc(&c))
		return;
	add_relays(c, d, redirects);
	checkup_ask(c);
	checkup_judge(d->f, &relays, c, &d->self);
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].well)
			doctor_relay(d, &c->v[i]);
	checkup_free(c);
}

static void look_at_redirects(const struct doctor *d, struct checkup *c)
{
	struct addr a;

	for (size_t i = 0; i < d->conf->redirect.n; i++)
		if (!addr_parse(&a, d->conf->redirect.v[i],
				PROXYD_REDIRECT_PORT))
			checkup_add(c, &d->bound, &a);
	checkup_ask(c);
	checkup_judge(d->f, &directories, c, &d->self);
	checkup_apart(d->f, c);
}

static void look_at_proxies(const struct doctor *d)
{
	struct checkup *c;

	if (checkup_alloc(&c))
		return;
	/* the proxies of a site are alike */
	checkup_add_hosts(c, &d->bound, &d->self, &d->conf->trusted,
			  addr_port(&d->bound.v[0]));
	checkup_ask(c);
	checkup_judge(d->f, &proxies, c, &d->self);
	checkup_free(c);
}

void doctor_peers(const struct doctor *d)
{
	struct checkup *redirects;

	if (checkup_alloc(&redirects))
		return;
	look_at_redirects(d, redirects);
	look_at_relays(d, redirects);
	checkup_free(redirects);
	look_at_proxies(d);
}
