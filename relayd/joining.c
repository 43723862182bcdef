#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "proto/pool.h"

#include "relayd/joining.h"

enum {
	T1_MS = 500, /* RFC 3261 17.1.2.2: Timer E, doubled up to T2 */
	T2_MS = 4000,
	GIVE_UP_MS = 8000, /* then with another CSeq, and the room of then */
	REFUSED_MS = 10000,
	REFRESHES = 3, /* within what was granted */
	TOKEN_LEN = 17,
	BRANCH_LEN = 32,
	REQUEST_MAX = 2048,
	STATUS_OK = 200,
};

/* The registration with one redirectd. */
struct place {
	struct addr redirect;
	uint64_t next;   /* when to register again */
	uint64_t until;  /* known there until then */
	uint64_t resend; /* 0: nothing is unanswered */
	uint64_t give_up;
	uint32_t interval; /* of Timer E */
	int refused;       /* the last status, logged when it changes */
	char branch[BRANCH_LEN];
	size_t len;
	char request[REQUEST_MAX];
};

struct joining {
	struct joining_config cfg;
	bool leaving;
	uint32_t cseq;
	char tag[TOKEN_LEN];
	char call_id[TOKEN_LEN + ADDR_STRLEN];
	struct place place[JOINING_REDIRECTS_MAX];
};

int joining_alloc(struct joining **jp, const struct joining_config *cfg)
{
	struct joining *j = calloc(1, sizeof(*j));
	char token[TOKEN_LEN], host[ADDR_STRLEN];

	if (!j)
		return -ENOMEM;
	j->cfg = *cfg;
	for (size_t i = 0; i < cfg->n; i++)
		j->place[i].redirect = cfg->redirect[i];
	sipmsg_token(j->tag, sizeof(j->tag));
	sipmsg_token(token, sizeof(token));
	snprintf(j->call_id, sizeof(j->call_id), "%s@%s", token,
		 addr_host_str(host, &cfg->self));
	*jp = j;
	return 0;
}

void joining_free(struct joining *j)
{
	free(j);
}

static void transmit(struct joining *j, struct place *p, uint64_t now)
{
	j->cfg.send(&p->redirect, p->request, p->len, j->cfg.arg);
	p->resend = now + p->interval;
	p->interval = p->interval * 2 < T2_MS ? p->interval * 2 : T2_MS;
}

static void begin(struct joining *j, struct place *p, uint64_t now, unsigned q)
{
	const struct proto_hop hop = {&j->cfg.self, p->branch, &p->redirect};
	const struct relay_request r = {
		.call_id = j->call_id,
		.from_tag = j->tag,
		.cseq = ++j->cseq,
	};
	char token[TOKEN_LEN];
	struct strbuf sb;

	sipmsg_token(token, sizeof(token));
	snprintf(p->branch, sizeof(p->branch), "z9hG4bK%s", token);
	strbuf_init(&sb, p->request, sizeof(p->request));
	p->next = now + GIVE_UP_MS;
	if (relay_join_print(&sb, &hop, &r, j->cfg.cluster, q,
			     j->leaving ? 0 : j->cfg.expires))
		return;
	p->len = sb.len;
	p->give_up = now + GIVE_UP_MS;
	p->interval = T1_MS;
	transmit(j, p, now);
}

/* Silence is logged when the directory has forgotten this relay, and once. */
static void give_up(struct joining *j, struct place *p, uint64_t now)
{
	p->resend = 0;
	p->next = now;
	if (j->leaving)
		p->next = UINT64_MAX;
	else if (p->refused != -ETIMEDOUT)
		log_warn("the directory does not answer: this relay may be in "
			 "no pool",
			 LOG_A("redirect", &p->redirect));
	p->refused = -ETIMEDOUT;
}

static void run_place(struct joining *j, struct place *p, uint64_t now,
		      unsigned q)
{
	if (p->resend && now >= p->give_up)
		give_up(j, p, now);
	else if (p->resend && now >= p->resend)
		transmit(j, p, now);
	if (!p->resend && now >= p->next)
		begin(j, p, now, q);
}

void joining_run(struct joining *j, uint64_t now, uint64_t room)
{
	for (size_t i = 0; j && i < j->cfg.n; i++)
		run_place(j, &j->place[i], now, pool_q(room));
}

static void refused(struct joining *j, struct place *p, const sip_t *sip,
		    uint64_t now)
{
	int status = sip->sip_status->st_status;

	p->next = j->leaving ? UINT64_MAX : now + REFUSED_MS;
	p->until = 0;
	if (p->refused != status)
		log_warn("the directory refuses this relay: check its "
			 "pool.trusted and pool.clusters",
			 LOG_A("redirect", &p->redirect),
			 LOG_I("status", status),
			 LOG_S("reason", sip->sip_status->st_phrase));
	p->refused = status;
}

static void accepted(struct joining *j, struct place *p, uint32_t granted,
		     uint64_t now)
{
	if (p->until <= now)
		log_info("joined the pool", LOG_A("redirect", &p->redirect),
			 LOG_S("cluster", j->cfg.cluster),
			 LOG_I("expires", granted));
	p->refused = 0;
	p->until = now + (uint64_t)granted * 1000;
	p->next = now + (uint64_t)granted * 1000 / REFRESHES;
}

static void answered(struct joining *j, struct place *p, const sip_t *sip,
		     uint64_t now)
{
	uint32_t granted = 0;

	if (sip->sip_status->st_status < STATUS_OK)
		return;
	p->resend = 0;
	if (sip->sip_status->st_status != STATUS_OK) {
		refused(j, p, sip, now);
	} else if (j->leaving) {
		p->next = UINT64_MAX;
		p->until = 0;
	} else if (pool_join_answer_parse(&granted, sip, &j->cfg.self) ||
		   !granted) {
		p->next = now + REFUSED_MS;
	} else {
		accepted(j, p, granted, now);
	}
}

static struct place *find(struct joining *j, const struct addr *src,
			  const sip_t *sip)
{
	const char *branch = sip->sip_via->v_branch;

	for (size_t i = 0; i < j->cfg.n; i++) {
		struct place *p = &j->place[i];

		if (p->resend && addr_eq(&p->redirect, src) && branch &&
		    !strcmp(p->branch, branch))
			return p;
	}
	return NULL;
}

static bool is_ours(const struct joining *j, const char *data, size_t len)
{
	static const char version[] = "SIP/2.0 ";
	size_t n = 0;
	const char *id;

	if (len < sizeof(version) || memcmp(data, version, strlen(version)))
		return false;
	id = sipmsg_peek_call_id(&n, data, len);
	return id && n == strlen(j->call_id) && !memcmp(id, j->call_id, n);
}

bool joining_datagram(struct joining *j, const struct addr *src,
		      const char *data, size_t len, uint64_t now)
{
	struct place *p;
	msg_t *msg = NULL;

	if (!j || !is_ours(j, data, len))
		return false;
	if (sipmsg_parse(&msg, data, len, NULL))
		return true;
	p = find(j, src, sip_object(msg));
	if (p)
		answered(j, p, sip_object(msg), now);
	msg_destroy(msg);
	return true;
}

void joining_leave(struct joining *j, uint64_t now)
{
	if (!j || j->leaving)
		return;
	j->leaving = true;
	for (size_t i = 0; i < j->cfg.n; i++)
		begin(j, &j->place[i], now, 0);
}

void joining_stay_out(struct joining *j)
{
	if (!j)
		return;
	j->leaving = true;
	for (size_t i = 0; i < j->cfg.n; i++)
		j->place[i].next = UINT64_MAX;
}

/* By the next joining_run(). */
void joining_return(struct joining *j, uint64_t now)
{
	if (!j || !j->leaving)
		return;
	j->leaving = false;
	for (size_t i = 0; i < j->cfg.n; i++) {
		struct place *p = &j->place[i];

		p->resend = 0;
		p->refused = 0;
		p->until = 0;
		p->next = now;
	}
}

size_t joining_count(const struct joining *j, uint64_t now)
{
	size_t n = 0;

	for (size_t i = 0; j && i < j->cfg.n; i++)
		n += j->place[i].until > now;
	return n;
}
