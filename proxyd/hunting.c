#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "proto/dialect.h"
#include "proxyd/context.h"
#include "proxyd/following.h"
#include "proxyd/forking.h"
#include "proxyd/locating.h"
#include "proxyd/proxy.h"
#include "proxyd/request.h"
#include "proxyd/strip.h"

#include "proxyd/hunting.h"

enum {
	RANKS = 1001,  /* as many as there are q */
	TRY_MS = 4000, /* for one target while there is another */
	VALUE_MAX = 8,
};

void hunting_free(struct hunting *h)
{
	msg_destroy(h->spare);
	h->spare = NULL;
}

/* The mark of a static route in a URL: false where it is none. */
static bool read_mark(bool *asks, const url_t *url)
{
	char value[VALUE_MAX] = "";
	int n = sipmsg_url_param(value, sizeof(value), url,
				 proto_uri_param_name(PROTO_ROUTE));

	*asks = n > 0 && !strcmp(value, "ask");
	return n != -ENOENT;
}

/* A phone's contact is no server that could fail. */
static bool has_failed(struct request *r, const char *text, unsigned depth)
{
	url_t *url = url_make(msg_home(r->msg), text);
	bool asks;

	return url && (depth || read_mark(&asks, url)) &&
	       locating_failed(r->p, url, request_id(r));
}

/* What a redirection has led to comes before what would be tried in place of
 * it. */
void hunting_order(struct request *r, struct redirect_target *t, size_t n,
		   unsigned depth)
{
	for (size_t i = 0; i < n; i++) {
		bool failed = has_failed(r, t[i].url, depth);
		struct redirect_target one = t[i];
		size_t k = i;

		one.q += RANKS * (2 * depth + !failed);
		for (; k && t[k - 1].q < one.q; k--)
			t[k] = t[k - 1];
		t[k] = one;
	}
}

static int keep_spare(struct branch *b)
{
	b->hunting.spare = sipmsg_copy(b->msg);
	return b->hunting.spare ? 0 : -ENOMEM;
}

int hunting_take(struct branch *b)
{
	su_home_t *home = msg_home(b->msg);
	url_t *url = url_make(home, b->target);
	bool asks;

	if (!url || !read_mark(&asks, url))
		return 0;
	b->hunting.route = true;
	b->hunting.follow = asks ? HUNTING_DEPTH_MAX : 0;
	(void)sipmsg_url_param_set(home, url, proto_uri_param_name(PROTO_ROUTE),
				   NULL);
	b->target = url_as_string(home, url);
	if (!b->target)
		return -ENOMEM;
	return asks ? keep_spare(b) : 0;
}

static bool waits(const struct branch *b)
{
	return b->parked && !b->ended && b->hunting.route;
}

static bool has_other(const struct request *r)
{
	for (const struct branch *b = r->branches; b; b = b->next)
		if (waits(b))
			return true;
	return false;
}

uint32_t hunting_patience(const struct branch *b)
{
	return b->hunting.route && has_other(b->r) ? TRY_MS : 0;
}

bool hunting_unserved(int status, bool said, bool rang)
{
	switch (status) {
	case 430:
	case 500:
	case 502:
	case 503:
	case 504:
		return said || !rang;
	case 403: /* never to be contacted */
	case 404: /* no server of that name */
	case 408:
	case 480: /* it has said 430 */
		return !said && !rang;
	default:
		return false;
	}
}

/* The callee has been asked: it is not again by another way. What one redirect
 * server has named are other places of the callee's. */
static void stop(struct request *r)
{
	for (struct branch *b = r->branches; b; b = b->next)
		if (waits(b) && !b->hunting.depth)
			b->ended = true;
}

bool hunting_failed(struct branch *b, int status, const msg_t *msg)
{
	struct request *r = b->r;
	char at[CHANNEL_STRLEN];

	if (!b->hunting.route || !has_other(r) || r->cancelled)
		return false;
	if (!hunting_unserved(status, msg != NULL, b->hunting.rang)) {
		stop(r);
		return false;
	}
	r->p->n.routes_failed++;
	log_info("static route fails: the next one is tried",
		 LOG_S("call_id", request_id(r)), LOG_I("status", status),
		 LOG_S("failed", channel_str(at, &b->dest)));
	return true;
}

static bool is_known(const struct request *r, su_home_t *home, const url_t *url)
{
	for (const struct branch *b = r->branches; b; b = b->next) {
		url_t *other = b->target ? url_make(home, b->target) : NULL;

		if (other && !url_cmp_all(other, url))
			return true;
	}
	return false;
}

static bool may_go_to(const struct proxy *p, const url_t *url)
{
	struct channel ch;

	return sipmsg_url_channel(&ch, url) || proxy_may_contact(p, &ch.addr);
}

/* Another site's words mean nothing here, and neither do headers (RFC 3261
 * 19.1.5). False: nobody is to be sent there (again). */
static bool make_target(char **text, struct branch *from, const char *contact)
{
	struct request *r = from->r;
	su_home_t *home = msg_home(from->hunting.spare);
	url_t *url = url_make(home, contact);

	if (!url)
		return false;
	(void)strip_url(home, url);
	(void)sipmsg_url_param_set(home, url, "method", NULL);
	url->url_headers = NULL;
	if (!may_go_to(r->p, url)) {
		r->p->n.rejected_target++;
		return false;
	}
	*text = url_as_string(home, url);
	return *text && !is_known(r, home, url);
}

/* A target named by a redirect server, which waits for its turn. */
static bool add(struct branch *from, const struct redirect_target *t)
{
	struct branch *b;
	char *text = NULL;

	if (!make_target(&text, from, t->url) ||
	    branch_split(&b, from->r, from->r->turn, from->hunting.spare))
		return false;
	b->parked = true;
	b->q = t->q;
	b->hunting = (struct hunting){
		.route = true,
		.depth = from->hunting.depth + 1,
		.follow = from->hunting.follow - 1,
	};
	b->target = su_strdup(msg_home(b->msg), text);
	if (!b->target || (b->hunting.follow && keep_spare(b)))
		b->ended = true;
	return !b->ended;
}

static bool is_redirection(int status)
{
	return status == 300 || status == 301 || status == 302;
}

bool hunting_follow(struct branch *b, int status, const msg_t *msg)
{
	static struct redirect_target t[REDIRECT_TARGETS_MAX];
	struct request *r = b->r;
	unsigned added = 0;
	int n;

	if (!msg || !b->hunting.follow || !is_redirection(status) || b->ended ||
	    r->ended || r->cancelled || !b->hunting.spare)
		return false;
	n = redirect_contacts_parse(t, REDIRECT_TARGETS_MAX, sip_object(msg));
	if (n > 0)
		hunting_order(r, t, (size_t)n, b->hunting.depth + 1);
	for (int i = 0; i < n; i++)
		added += add(b, &t[i]);
	if (!added)
		return false;
	r->p->n.redirections++;
	log_info("redirection of another domain is followed",
		 LOG_S("call_id", request_id(r)), LOG_I("status", status),
		 LOG_I("targets", added), LOG_I("depth", b->hunting.depth + 1));
	branch_release(b);
	following_failed(b, status);
	b->ended = true;
	context_gone(b);
	return true;
}
