#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "redirectd/caller.h"
#include "redirectd/credentials.h"
#include "redirectd/store.h"

#include "redirectd/auth_internal.h"

enum { RETRY_S = 10 };

/* The realm where nothing else is known of a caller. */
#define NOBODY "anonymous.invalid"

/* One request on its way through the steps. */
struct check {
	struct auth_result *res;
	struct auth *a;
	struct store *s;
	const sip_t *sip;
	const struct store_view *w;
	struct caller who;
	const char *realm;
	struct credentials c;
	struct user user;
	bool known; /* there is such a user */
	struct strbuf extra;
};

/* 0: go on; PASS: let through; otherwise as auth_check(). */
typedef int step_h(struct check *k);

enum { PASS = 1 };

static int stop(struct check *k, int status, const char *phrase)
{
	k->res->phrase = phrase;
	return status;
}

static int retry(struct check *k, int status, uint64_t s, const char *phrase)
{
	strbuf_printf(&k->extra, "Retry-After: %llu\r\n",
		      (unsigned long long)s);
	return stop(k, status, phrase);
}

static int ask(struct check *k, bool stale)
{
	k->a->n->auth_challenges++;
	if (auth_challenge(&k->extra, k->a, !k->who.registers, k->realm, stale,
			   k->w->now))
		return stop(k, 503, "No Challenge Could Be Made");
	return stop(k, k->who.registers ? 401 : 407, NULL);
}

static int step_method(struct check *k)
{
	const sip_method_t method = k->sip->sip_request->rq_method;

	return method == sip_method_ack || method == sip_method_cancel ? PASS
								       : 0;
}

static int step_proxy(struct check *k)
{
	k->res->stranger = redirect_query_vouched(k->sip);
	return !caller_is_behind_proxy(k->sip) ||
			       redirect_query_limited(k->sip) ||
			       redirect_query_vouched(k->sip)
		       ? PASS
		       : 0;
}

static int step_mode(struct check *k)
{
	return k->a->mode == AUTH_NEVER ? PASS : 0;
}

static int step_caller(struct check *k)
{
	return caller_read(&k->who, k->sip) ? stop(k, 400, "No Client Id In To")
					    : 0;
}

static bool is_private(const struct addr *a)
{
	switch (addr_class(a)) {
	case ADDR_PRIVATE:
	case ADDR_LOOPBACK:
	case ADDR_LINKLOCAL:
		return true;
	default:
		return false;
	}
}

static int wait_for(struct check *k, const char *id)
{
	strcpy(k->res->id, id);
	return -EAGAIN;
}

static int out_of_reach(struct check *k)
{
	k->a->n->auth_unavailable++;
	return retry(k, 503, RETRY_S, "Directory Out Of Reach");
}

/* Look at the store's truth: the first user may have been made just now. A
 * store that cannot be read is not one without users. */
static int look_for_users(bool *any, struct check *k)
{
	const char *id = *k->who.id ? k->who.id : NOBODY;
	int err = store_user(&k->user, k->s, id, k->w);
	const struct store_counts n = store_counts(k->s);

	if (err == -EAGAIN)
		return wait_for(k, id);
	*any = !err || n.users;
	if (*any)
		return 0;
	return err == -ENOENT && n.up ? 0 : out_of_reach(k);
}

static int refuse_public(struct check *k)
{
	k->a->n->open_refused++;
	log_info("refused: a public address, and the directory has no users",
		 LOG_A("src", &k->who.src),
		 LOG_S("call_id", k->sip->sip_call_id->i_id),
		 LOG_S("client", k->who.id));
	return stop(k, 403, "Directory Is Open To Private Addresses Only");
}

static int step_open(struct check *k)
{
	bool any;
	int status;

	if (k->a->mode != AUTH_AUTO || store_counts(k->s).users)
		return 0;
	status = look_for_users(&any, k);
	if (status || any)
		return status;
	return is_private(&k->who.src) ? PASS : refuse_public(k);
}

static int step_stranger(struct check *k)
{
	k->res->stranger =
		!k->who.registers && !auth_is_ours(k->a, k->who.domain);
	return k->res->stranger ? PASS : 0;
}

/* An id has a domain behind its last '@'. */
static const char *domain_of(const char *id)
{
	return strrchr(id, '@') + 1;
}

static int step_realm(struct check *k)
{
	if (*k->a->realm)
		k->realm = k->a->realm;
	else if (*k->who.id)
		k->realm = domain_of(k->who.id);
	else
		k->realm = *k->who.asked ? domain_of(k->who.asked) : NOBODY;
	return 0;
}

static int malformed(struct check *k, const char *why)
{
	k->a->n->auth_malformed++;
	return stop(k, 400, why);
}

static int step_credentials(struct check *k)
{
	const msg_auth_t *list = k->who.registers
					 ? k->sip->sip_authorization
					 : k->sip->sip_proxy_authorization;
	const char *why = NULL;

	switch (credentials_find(&k->c, list, k->realm, auth_algorithms(k->a),
				 &why)) {
	case 0:
		return 0;
	case -EBADMSG:
		return malformed(k, why);
	default:
		return ask(k, false);
	}
}

static int step_nonce(struct check *k)
{
	if (nonces_fresh(k->a->nonces, k->c.nonce, k->realm, k->w->now))
		return 0;
	k->a->n->auth_stale++;
	return ask(k, true);
}

static int step_uri(struct check *k)
{
	return caller_means(&k->who, k->c.uri)
		       ? 0
		       : malformed(k, "Credentials For Another URI");
}

static int step_name(struct check *k)
{
	if (!*k->who.id)
		(void)caller_name(&k->who, k->c.username, k->realm);
	return 0;
}

/* How near the source of a request is to where its client is registered. */
enum nearness { AWAY, SAME_IP, SAME_CHANNEL };

static enum nearness nearness(const struct binding *b, const struct addr *src)
{
	char text[REDIRECT_URL_MAX];
	struct addr a;
	url_t url;

	if (strlen(b->url) >= sizeof(text))
		return AWAY;
	strcpy(text, b->url);
	if (url_d(&url, text) || sipmsg_url_addr(&a, &url) ||
	    !addr_ip_eq(&a, src))
		return AWAY;
	return addr_eq(&a, src) ? SAME_CHANNEL : SAME_IP;
}

static int look_nearness(enum nearness *best, struct check *k)
{
	struct client c;
	int err = store_get(&c, k->s, k->who.id, k->w);

	*best = AWAY;
	for (size_t i = 0; !err && i < c.n; i++) {
		enum nearness n = nearness(&c.v[i], &k->who.src);

		*best = n > *best ? n : *best;
	}
	return err == -EAGAIN ? err : 0;
}

static int limited(struct check *k, uint64_t ms)
{
	k->a->n->auth_limited++;
	return retry(k, 403, (ms + 999) / 1000, "Too Many Failed Attempts");
}

/* Who tries passwords locks out no phone that is registered: a stranger none
 * elsewhere, a neighbour behind the same NAT none that comes as it did. */
static int step_limits(struct check *k)
{
	struct attempts *t = k->a->attempts;
	const struct addr *src = &k->who.src;
	uint64_t source = attempts_source_wait(t, k->w->now, src);
	uint64_t client = attempts_client_wait(t, k->w->now, k->who.id);
	enum nearness near;

	if (!source && !client)
		return 0;
	if (look_nearness(&near, k))
		return wait_for(k, k->who.id);
	if (near == SAME_CHANNEL && !attempts_channel_wait(t, k->w->now, src))
		return 0;
	if (source)
		return limited(k, source);
	return near == AWAY ? limited(k, client) : 0;
}

static int step_user(struct check *k)
{
	int err = -ENOENT;

	if (*k->who.id)
		err = store_user(&k->user, k->s, k->who.id, k->w);
	switch (err) {
	case 0:
		k->known = true;
		return 0;
	case -ENOENT:
		return 0;
	case -EAGAIN:
		return wait_for(k, k->who.id);
	default:
		return out_of_reach(k);
	}
}

/* What is to be done where nothing can be checked against a user's record;
 * NULL: it can. */
static const char *unusable(const struct check *k)
{
	if (strcmp(k->user.realm, k->realm))
		return "the password was set for another realm: set it again";
	return *k->user.ha1[k->c.with].hex
		       ? NULL
		       : "no hash of this algorithm: set the password again";
}

/* Why the response does not prove the user; NULL: it does. Where there is none
 * the same is done, so that nobody can tell from the time it takes. */
static const char *fault(const struct check *k)
{
	const struct digest_parts p =
		credentials_parts(&k->c, k->sip->sip_request->rq_method_name);
	const char *why = k->known ? unusable(k) : "unknown user";
	struct digest ha1 = {{0}}, want;
	bool right, named;

	if (why)
		memset(ha1.hex, '0', digest_len(k->c.with));
	else
		ha1 = k->user.ha1[k->c.with];
	if (digest_response(&want, k->c.with, &ha1, &p))
		return "no such algorithm in OpenSSL";
	right = digest_same(want.hex, k->c.response);
	named = digest_same(k->user.name, k->c.username);
	if (why)
		return why;
	return !named ? "wrong name" : right ? NULL : "wrong response";
}

/* The address comes first: deploy/fail2ban reads it there. */
static int failed(struct check *k, const char *why)
{
	char ip[ADDR_STRLEN];

	k->a->n->auth_failed++;
	attempts_failed(k->a->attempts, k->w->now, &k->who.src, k->who.id);
	log_warn("failed authentication",
		 LOG_S("ip", addr_ip_str(ip, &k->who.src)),
		 LOG_A("src", &k->who.src), LOG_S("client", k->who.id),
		 LOG_S("call_id", k->sip->sip_call_id->i_id),
		 LOG_S("reason", why), LOG_S("realm", k->realm));
	return ask(k, false);
}

static int step_response(struct check *k)
{
	const char *why = fault(k);

	return why ? failed(k, why) : 0;
}

static int step_replay(struct check *k)
{
	char ip[ADDR_STRLEN];
	int err = nonces_use(k->a->nonces, k->c.nonce, k->c.count,
			     caller_request(&k->who, k->sip), k->w->now);

	if (err == -ENOMEM)
		return retry(k, 503, RETRY_S, "Out Of Memory");
	if (!err)
		return 0;
	k->a->n->auth_replayed++;
	log_info("credentials used already",
		 LOG_S("ip", addr_ip_str(ip, &k->who.src)),
		 LOG_A("src", &k->who.src), LOG_S("client", k->who.id),
		 LOG_S("call_id", k->sip->sip_call_id->i_id));
	return ask(k, true);
}

static int step_done(struct check *k)
{
	k->a->n->auth_ok++;
	return PASS;
}

static const struct {
	const char *name;
	step_h *run;
} steps[] = {
	{"never asked (RFC 3261 22.1)", step_method},
	{"asked by or through a proxy (proto/README.md)", step_proxy},
	{"nobody has to", step_mode},
	{"client (RFC 3261 10.3 step 3)", step_caller},
	{"no users yet: private addresses only", step_open},
	{"callers from elsewhere", step_stranger},
	{"realm (RFC 3261 22.1)", step_realm},
	{"credentials (RFC 3261 22.2, 22.3; 7616 3.4; 8760 2.3)",
	 step_credentials},
	{"nonce (RFC 7616 3.3, 5.4)", step_nonce},
	{"digest URI (RFC 3261 22.4 item 5; 7616 3.4.6)", step_uri},
	{"who is anonymous (RFC 3323 4.1.1.3)", step_name},
	{"failures before (RFC 7616 5.7)", step_limits},
	{"user (RFC 7616 5.2)", step_user},
	{"response (RFC 7616 3.4.1)", step_response},
	{"nonce count (RFC 7616 3.4, 5.5)", step_replay},
	{"served", step_done},
};

int auth_check(struct auth_result *res, struct auth *a, struct store *s,
	       const sip_t *sip, const struct store_view *w)
{
	struct check k = {.res = res, .a = a, .s = s, .sip = sip, .w = w};
	const char *at = "";
	int status = 0;

	res->phrase = NULL;
	res->id[0] = '\0';
	res->stranger = false;
	strbuf_init(&k.extra, res->extra, sizeof(res->extra));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !status;
	     i++) {
		at = steps[i].name;
		status = steps[i].run(&k);
	}
	if (status == PASS)
		return 0;
	log_debug("not let through", LOG_S("call_id", sip->sip_call_id->i_id),
		  LOG_S("client", k.who.id), LOG_I("status", status),
		  LOG_S("reason", res->phrase), LOG_S("at", at));
	return status;
}
