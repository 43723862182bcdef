#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/resolve.h"
#include "common/strbuf.h"
#include "proto/record.h"
#include "proto/registration.h"

#include "proxyd/parties.h"

enum {
	ROUTES_MAX = 16,
	TEXT_MAX = 4096,
	MAX_FORWARDS = 70,
	CSEQ_MAX = 0x7fffffff, /* RFC 3261 8.1.1.5 */
	CSEQ_LEAP = 100000,    /* more than a party sends in a call */
};

struct side {
	char *name;   /* From or To */
	char *tag;    /* NULL: none */
	char *target; /* Request-URI of what goes there; NULL: not known */
	char *routes; /* Route header lines, "" where there are none */
	struct channel dst;
	uint32_t cseq; /* highest heard of */
};

struct parties {
	char *call_id;
	struct side side[PARTIES];
};

static char *copy_header(const void *header)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	char *text, *copy = NULL;

	su_home_init(home);
	text = sipmsg_header_text(home, header);
	if (text)
		copy = strdup(text);
	su_home_deinit(home);
	return copy;
}

static int set_name(struct side *s, const sip_addr_t *a)
{
	s->name = copy_header(a);
	if (a->a_tag)
		s->tag = strdup(a->a_tag);
	return s->name && (s->tag || !a->a_tag) ? 0 : -ENOMEM;
}

/* Where a URL leads; a name is left for parties_reached(). */
static int lead(struct channel *dst, const url_t *url)
{
	struct resolve_query q;

	if (!sipmsg_url_channel(dst, url))
		return 0;
	return resolve_query_url(&q, url);
}

/* Lines of Route, in the order given; the first is where the message goes. */
static int set_routes(struct side *s, const sip_route_t *const *routes,
		      size_t n)
{
	char text[TEXT_MAX];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	for (size_t i = 0; i < n; i++) {
		char *value = copy_header(routes[i]);

		if (!value)
			return -ENOMEM;
		strbuf_printf(&sb, "Route: %s\r\n", value);
		free(value);
	}
	if (strbuf_err(&sb) || (n && lead(&s->dst, routes[0]->r_url)))
		return -EBADMSG;
	free(s->routes);
	s->routes = strdup(text);
	return s->routes ? 0 : -ENOMEM;
}

/* As for any request that goes there: a party behind a NAT of this proxy's is
 * asked for by its own address, and sent to at the NAT's (dialog.c). */
static int set_target(struct side *s, const url_t *contact)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	bool routed = *s->routes != '\0';
	struct channel dst = s->dst;
	char *text = NULL;
	url_t *url;
	int err = -ENOMEM;

	su_home_init(home);
	url = url_hdup(home, contact);
	if (!url)
		goto out;
	if (!routed && registration_marked(url))
		err = registration_restore(home, url, &dst);
	else
		err = routed ? 0 : lead(&dst, url);
	if (err)
		goto out;
	text = url_as_string(home, url);
	text = text ? strdup(text) : NULL;
	err = text ? 0 : -ENOMEM;
	if (err)
		goto out;
	free(s->target);
	s->target = text;
	s->dst = dst;
out:
	su_home_deinit(home);
	return err;
}

static int set_contact(struct side *s, const sip_t *sip)
{
	if (!sip->sip_contact || sip->sip_contact->m_url->url_type == url_any)
		return 0;
	return set_target(s, sip->sip_contact->m_url);
}

static int set_route_set(struct side *s, const sip_route_t *r)
{
	const sip_route_t *v[ROUTES_MAX];
	size_t n = 0;

	for (; r; r = r->r_next) {
		if (n == ROUTES_MAX)
			return -EBADMSG;
		v[n++] = r;
	}
	return set_routes(s, v, n);
}

/* The route set towards the caller: what stood in the INVITE when it came, in
 * its order (RFC 3261 12.1.1). Ours is on top. */
static int caller_routes(struct side *s, const sip_t *invite,
			 parties_ours_h *ours, const void *arg)
{
	const sip_record_route_t *rr = invite->sip_record_route;

	while (rr && ours(rr->r_url, arg))
		rr = rr->r_next;
	return set_route_set(s, rr);
}

/* The route set towards the callee: what stands above ours in the answer, in
 * reverse (12.1.2). */
static int callee_routes(struct side *s, const sip_t *answer,
			 parties_ours_h *ours, const void *arg)
{
	const sip_route_t *v[ROUTES_MAX];
	const sip_record_route_t *rr = answer->sip_record_route;
	size_t n = 0;

	for (; rr && !ours(rr->r_url, arg); rr = rr->r_next) {
		if (n == ROUTES_MAX)
			return -EBADMSG;
		v[ROUTES_MAX - ++n] = rr;
	}
	return set_routes(s, v + ROUTES_MAX - n, rr ? n : 0);
}

static int set_names(struct parties *p, enum party from, const sip_t *req,
		     const sip_t *answer)
{
	int err = set_name(&p->side[from], req->sip_from);

	p->call_id = strdup(req->sip_call_id->i_id);
	if (!p->call_id)
		return -ENOMEM;
	if (!answer->sip_to->a_tag)
		return -EBADMSG;
	return err ? err : set_name(&p->side[!from], answer->sip_to);
}

int parties_alloc(struct parties **pp, const sip_t *invite, const sip_t *answer,
		  parties_ours_h *ours, const void *arg)
{
	struct parties *p = calloc(1, sizeof(*p));
	struct side *caller, *callee;
	int err;

	if (!p)
		return -ENOMEM;
	caller = &p->side[PARTY_CALLER];
	callee = &p->side[PARTY_CALLEE];
	caller->cseq = invite->sip_cseq->cs_seq;
	err = set_names(p, PARTY_CALLER, invite, answer);
	if (!err)
		err = caller_routes(caller, invite, ours, arg);
	if (!err)
		err = set_contact(caller, invite);
	if (!err)
		err = callee_routes(callee, answer, ours, arg);
	if (!err)
		err = set_contact(callee, answer);
	if (err)
		parties_free(p);
	else
		*pp = p;
	return err;
}

static int way_back(struct side *s, const struct parties_way *way,
		    const sip_t *req)
{
	char text[TEXT_MAX] = "";
	struct strbuf sb;

	if (!way)
		return 0;
	strbuf_init(&sb, text, sizeof(text));
	if (*way->route)
		strbuf_printf(&sb, "Route: %s\r\n", way->route);
	s->dst = way->dst;
	s->routes = strdup(text);
	return s->routes ? set_contact(s, req) : -ENOMEM;
}

int parties_alloc_within(struct parties **pp, enum party from,
			 const struct parties_way *back, const sip_t *req,
			 const sip_t *answer)
{
	struct parties *p = calloc(1, sizeof(*p));
	struct side *near, *far;
	int err;

	if (!p)
		return -ENOMEM;
	near = &p->side[from];
	far = &p->side[!from];
	near->cseq = req->sip_cseq->cs_seq;
	far->cseq = CSEQ_MAX - 1;
	err = set_names(p, from, req, answer);
	if (!err)
		err = set_route_set(far, req->sip_route);
	if (!err)
		err = set_contact(far, answer);
	if (!err)
		err = way_back(near, back, req);
	if (err)
		parties_free(p);
	else
		*pp = p;
	return err;
}

void parties_free(struct parties *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < PARTIES; i++) {
		free(p->side[i].name);
		free(p->side[i].tag);
		free(p->side[i].target);
		free(p->side[i].routes);
	}
	free(p->call_id);
	free(p);
}

void parties_reached(struct parties *p, enum party whose,
		     const struct channel *ch)
{
	struct side *s = &p->side[whose];

	if (!channel_is_none(&s->dst))
		return;
	s->dst = *ch;
	s->dst.conn = 0;
}

void parties_heard(struct parties *p, enum party from, uint32_t cseq)
{
	if (cseq > p->side[from].cseq && cseq < CSEQ_MAX)
		p->side[from].cseq = cseq;
}

void parties_moved(struct parties *p, enum party whose, const url_t *contact)
{
	/* where nothing is known of the way there, a target alone is none */
	if (p->side[whose].target)
		(void)set_target(&p->side[whose], contact);
}

bool parties_has_tag(const struct parties *p, enum party whose, const char *tag)
{
	const char *own = p->side[whose].tag;

	return !strcmp(own ? own : "", tag ? tag : "");
}

const char *parties_call_id(const struct parties *p)
{
	return p->call_id;
}

const char *parties_name(const struct parties *p, enum party whose)
{
	return p->side[whose].name;
}

uint32_t parties_cseq(const struct parties *p, enum party whose)
{
	return p->side[whose].cseq;
}

int parties_way(struct channel *dst, const struct parties *p, enum party to)
{
	if (!p->side[to].target || channel_is_none(&p->side[to].dst))
		return -ENOENT;
	*dst = p->side[to].dst;
	return 0;
}

/* A request to a party in the other's name, up to its CSeq. */
static void add_head(struct strbuf *out, const char *method,
		     const struct parties *p, enum party to,
		     const struct parties_bye *by, uint32_t cseq)
{
	const struct side *far = &p->side[to], *near = &p->side[!to];
	char self[ADDR_STRLEN];

	strbuf_printf(out,
		      "%s %s SIP/2.0\r\n"
		      "Via: SIP/2.0/%s %s;branch=%s\r\n"
		      "Max-Forwards: %d\r\n"
		      "%s"
		      "From: %s\r\n"
		      "To: %s\r\n"
		      "Call-ID: %s\r\n"
		      "CSeq: %u %s\r\n",
		      method, far->target, transport_via(by->self->transport),
		      addr_str(self, &by->self->addr), by->branch, MAX_FORWARDS,
		      far->routes, near->name, far->name, p->call_id, cseq,
		      method);
}

/* One without further headers or a body. */
static int print_bare(struct strbuf *out, const char *method,
		      const struct parties *p, enum party to,
		      const struct parties_bye *by, uint32_t cseq)
{
	if (!p->side[to].target)
		return -ENOENT;
	add_head(out, method, p, to, by, cseq);
	strbuf_str(out, "Content-Length: 0\r\n\r\n");
	return strbuf_err(out);
}

int parties_ack(struct strbuf *out, const struct parties *p, enum party to,
		const struct parties_bye *by, uint32_t cseq)
{
	return print_bare(out, "ACK", p, to, by, cseq);
}

int parties_options(struct strbuf *out, const struct parties *p, enum party to,
		    const struct parties_bye *by)
{
	return print_bare(out, "OPTIONS", p, to, by, p->side[!to].cseq);
}

int parties_bye(struct strbuf *out, struct parties *p, enum party to,
		const struct parties_bye *bye)
{
	if (!p->side[to].target)
		return -ENOENT;
	add_head(out, "BYE", p, to, bye, ++p->side[!to].cseq);
	strbuf_printf(out,
		      "Reason: %s\r\n"
		      "Content-Length: 0\r\n\r\n",
		      bye->reason);
	return strbuf_err(out);
}

int parties_record(struct record *out, const struct parties *p)
{
	out->call_id = p->call_id;
	for (size_t i = 0; i < PARTIES; i++) {
		const struct side *s = &p->side[i];

		if (!s->target)
			return -ENOENT;
		out->side[i] = (struct record_side){
			.name = s->name,
			.target = s->target,
			.routes = s->routes,
			.dst = s->dst,
			.cseq = s->cseq,
		};
	}
	return 0;
}

/* The tag of a From or To as text. */
static int read_tag(struct side *s)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const sip_from_t *from;
	int err = -EBADMSG;

	su_home_init(home);
	from = sip_from_make(home, s->name);
	if (from) {
		s->tag = from->a_tag ? strdup(from->a_tag) : NULL;
		err = s->tag || !from->a_tag ? 0 : -ENOMEM;
	}
	su_home_deinit(home);
	return err;
}

static int restore_side(struct side *s, const struct record_side *from)
{
	s->name = strdup(from->name);
	s->target = strdup(from->target);
	s->routes = strdup(from->routes);
	s->dst = from->dst;
	s->cseq = from->cseq < CSEQ_MAX - 1 - CSEQ_LEAP ? from->cseq + CSEQ_LEAP
							: CSEQ_MAX - 1;
	return s->name && s->target && s->routes ? read_tag(s) : -ENOMEM;
}

int parties_restore(struct parties **pp, const struct record *r)
{
	struct parties *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->call_id = strdup(r->call_id);
	err = p->call_id ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < PARTIES; i++)
		err = restore_side(&p->side[i], &r->side[i]);
	if (err)
		parties_free(p);
	else
		*pp = p;
	return err;
}
