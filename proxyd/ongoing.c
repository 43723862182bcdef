#include <jansson.h>
#include <sofia-sip/su_alloc.h>

#include "common/paging.h"
#include "common/table.h"
#include "proxyd/calls.h"
#include "proxyd/proxy.h"
#include "proxyd/request.h"
#include "proxyd/session.h"

#include "proxyd/ongoing.h"

enum { URI_LEN = 256 };

struct view {
	struct paging *page;
	const struct proxy *p;
	uint64_t now;
};

/* What is not UTF-8 cannot be said in JSON. */
static json_t *text_json(const char *text)
{
	json_t *v = text ? json_string(text) : json_null();

	return v ? v : json_string("(not UTF-8)");
}

static json_t *addr_json(const struct addr *a)
{
	char buf[ADDR_STRLEN];

	return addr_is_none(a) ? json_null() : json_string(addr_str(buf, a));
}

/* Who somebody is: the URI, without its parameters. */
static json_t *who_json(const url_t *url)
{
	char buf[URI_LEN];
	url_t bare = *url;

	bare.url_params = bare.url_headers = NULL;
	(void)url_e(buf, sizeof(buf), &bare);
	buf[sizeof(buf) - 1] = '\0';
	return text_json(buf);
}

static json_t *party_json(const struct call *call, enum party who)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const sip_from_t *from;
	json_t *v;

	su_home_init(home);
	from = sip_from_make(home, parties_name(call->parties, who));
	v = from ? who_json(from->a_url) : json_null();
	su_home_deinit(home);
	return v;
}

static const char *state_of(const struct call *call, uint64_t now)
{
	if (call->leaving > now)
		return "ending";
	return call->probe[PARTY_CALLER].missed ||
			       call->probe[PARTY_CALLEE].missed
		       ? "in doubt"
		       : "up";
}

static int show_call(const struct call *call, void *arg)
{
	struct view *v = arg;
	json_t *left =
		call->expires > v->now
			? json_integer((json_int_t)(call->expires - v->now))
			: json_null();

	if (!paging_wants(v->page)) {
		json_decref(left);
		return paging_full(v->page);
	}
	paging_add(v->page,
		   json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:o, s:b, s:b, "
			     "s:o}",
			     "call_id",
			     text_json(parties_call_id(call->parties)),
			     "session", text_json(call->id), "from",
			     party_json(call, PARTY_CALLER), "to",
			     party_json(call, PARTY_CALLEE), "state",
			     state_of(call, v->now), "age_ms",
			     (json_int_t)(v->now - call->since), "relay",
			     addr_json(&call->relay), "caller_natted",
			     call->natted[PARTY_CALLER], "callee_natted",
			     call->natted[PARTY_CALLEE], "expires_ms", left));
	return paging_full(v->page);
}

/* The branch that tells most: one that has a relay, else the first. */
static struct branch *branch_of(const struct request *r)
{
	for (struct branch *b = r->branches; b; b = b->next)
		if (sessions_get(r->p->sessions, branch_session(b)))
			return b;
	return r->branches;
}

static bool rings(const struct request *r)
{
	for (const struct branch *b = r->branches; b; b = b->next)
		if (b->hunting.rang && !b->ended)
			return true;
	return false;
}

static bool begins(const struct request *r)
{
	return r->method == sip_method_invite && r->initial && !r->ended &&
	       r->sip;
}

static int show_request(const void *key, size_t len, void *value, void *arg)
{
	const struct request *r = value;
	const struct session *s;
	struct view *v = arg;
	struct branch *b;

	(void)key;
	(void)len;
	if (!begins(r) || !paging_wants(v->page))
		return paging_full(v->page);
	b = branch_of(r);
	s = b ? sessions_get(r->p->sessions, branch_session(b)) : NULL;
	paging_add(v->page,
		   json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:o, s:b, s:b, "
			     "s:n}",
			     "call_id", text_json(request_id(r)), "session",
			     text_json(b ? branch_session(b) : NULL), "from",
			     who_json(r->sip->sip_from->a_url), "to",
			     who_json(r->sip->sip_to->a_url), "state",
			     rings(r) ? "ringing" : "calling", "age_ms",
			     (json_int_t)(v->now - r->since), "relay",
			     s ? addr_json(&s->relay) : json_null(),
			     "caller_natted", r->natted, "callee_natted",
			     b && b->dest_natted, "expires_ms"));
	return paging_full(v->page);
}

void ongoing_page(struct paging *page, const struct proxy *p)
{
	struct view v = {page, p, proxy_now(p)};

	if (!paging_full(page))
		(void)table_apply(p->requests, show_request, &v);
	if (!paging_full(page))
		calls_apply(p->calls, show_call, &v);
}
