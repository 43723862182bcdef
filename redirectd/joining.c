#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "proto/pool.h"
#include "redirectd/answer.h"
#include "redirectd/relays.h"

#include "redirectd/joining.h"

/* The cluster that a message is about, one of ours; NULL: none. */
static const char *cluster_of(const struct joining *j, const sip_t *sip)
{
	const url_t *url = sip->sip_request->rq_method == sip_method_register
				   ? sip->sip_to->a_url
				   : sip->sip_request->rq_url;
	char name[REDIRECT_ID_MAX];

	if (pool_cluster(name, url))
		return NULL;
	for (size_t i = 0; i < j->clusters->n; i++)
		if (!strcasecmp(name, j->clusters->v[i]))
			return j->clusters->v[i];
	return NULL;
}

bool joining_is_about(const struct joining *j, const sip_t *sip)
{
	return cluster_of(j, sip) != NULL;
}

static int refuse(struct strbuf *out, const struct joining *j, const sip_t *sip,
		  const struct addr *src, int status, const char *phrase)
{
	j->n->joins_refused++;
	log_warn("a registration as relay is refused",
		 LOG_S("call_id", sip->sip_call_id->i_id), LOG_A("src", src),
		 LOG_I("status", status), LOG_S("reason", phrase));
	return answer_print(out, sip, status, phrase,
			    status == 503 ? "Retry-After: 10\r\n" : NULL);
}

/* 0 or the status that says no. */
static int read_join(struct relays_news *news, const char **phrase,
		     const sip_t *sip, const struct addr *src)
{
	*phrase = "Name Of The Relays";
	if (!pool_is_direct(sip) || sip->sip_path)
		return 403;
	*phrase = "Not A Relay's Registration";
	if (pool_join_parse(&news->join, sip))
		return 400;
	*phrase = "Contact Is Not The Source";
	if (!addr_eq(&news->join.relay, src))
		return 403;
	if (news->join.expires > POOL_EXPIRES_MAX)
		news->join.expires = POOL_EXPIRES_MAX;
	news->call_id = sip->sip_call_id->i_id;
	news->cseq = sip->sip_cseq->cs_seq;
	return 0;
}

int joining_answer(struct strbuf *out, const struct joining *j,
		   const sip_t *sip, const struct addr *src, dir_time now)
{
	struct relays_news news = {.cluster = cluster_of(j, sip)};
	const char *phrase;
	int status = read_join(&news, &phrase, sip, src);
	int err;

	if (status)
		return refuse(out, j, sip, src, status, phrase);
	switch (relays_put(j->relays, &news, now)) {
	case 0:
		break;
	case -ESTALE:
		return refuse(out, j, sip, src, 500, "Out Of Order");
	default:
		return refuse(out, j, sip, src, 503, "Pool Full");
	}
	j->n->joins++;
	err = pool_join_answer_print(out, sip, &news.join);
	return err ? err : 200;
}

int joining_query(struct strbuf *out, const struct joining *j, const sip_t *sip,
		  dir_time now)
{
	struct pool_relay v[POOL_RELAYS_MAX];
	size_t n;
	int err;

	if (!pool_is_direct(sip)) {
		log_info("query refused: the relays are asked for by no phone",
			 LOG_S("call_id", sip->sip_call_id->i_id));
		return answer_print(out, sip, 404, "Client Unknown", NULL);
	}
	j->n->pool_queries++;
	n = relays_list(v, j->relays, cluster_of(j, sip), now);
	if (!n)
		return answer_print(out, sip, 480, "No Relay In The Pool",
				    NULL);
	err = pool_answer_print(out, sip, v, n);
	return err ? err : 302;
}
