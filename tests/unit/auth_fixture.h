#ifndef TESTS_UNIT_AUTH_FIXTURE_H
#define TESTS_UNIT_AUTH_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "redirectd/auth.h"
#include "redirectd/counters.h"
#include "redirectd/store.h"

/* An authenticator before a store that says what a test wants, and phones that
 * answer its challenges. */

enum { NONCE_MS = 300000, FAILURES = 3 };

static const dir_time t0 = 1700000000000;

#define ALICE "alice@example.com"

struct fake_store {
	struct store base;
	struct store_counts counts;
	struct user user; /* of ALICE */
	int user_err, get_err;
	const char *registered; /* the URL of ALICE's binding; NULL: none */
	unsigned users_asked, users_new; /* found when next asked */
	char asked_for[REDIRECT_ID_MAX];
};

static struct {
	struct auth *auth;
	struct auth_config cfg;
	struct fake_store fake;
	struct store *store;
	struct redirectd_counters n;
	dir_time now;
	/* The request. */
	const char *method, *uri, *from, *to, *vias, *call_id, *extra;
	unsigned cseq;
	/* What the phone knows, and how it answers a challenge. */
	const char *name, *password, *digest_uri;
	enum digest_algorithm with;
	bool qop;
	unsigned nc;
	char nonce[256], realm[256];
	char credentials[2048];
	struct auth_result res;
} scene;

static inline int fake_get(struct client *c, struct store *s, const char *id,
			   const struct store_view *w)
{
	static struct binding b;
	const struct fake_store *f = (const struct fake_store *)s;

	(void)w;
	*c = (struct client){.id = id};
	if (f->get_err)
		return f->get_err;
	if (strcmp(id, ALICE) || !f->registered)
		return -ENOENT;
	b = (struct binding){.url = f->registered, .instance = ""};
	c->v = &b;
	c->n = 1;
	return 0;
}

static inline int fake_user(struct user *u, struct store *s, const char *id,
			    const struct store_view *w)
{
	struct fake_store *f = (struct fake_store *)s;

	(void)w;
	f->users_asked++;
	f->counts.users += f->users_new;
	f->users_new = 0;
	snprintf(f->asked_for, sizeof(f->asked_for), "%s", id);
	if (f->user_err)
		return f->user_err;
	if (strcmp(id, ALICE))
		return -ENOENT;
	*u = f->user;
	return 0;
}

static inline struct store_counts fake_counts(const struct store *s)
{
	return ((const struct fake_store *)s)->counts;
}

static const struct store_class fake_class = {
	.name = "fake",
	.get = fake_get,
	.user = fake_user,
	.counts = fake_counts,
};

static inline struct user user_of(const char *name, const char *realm,
				  const char *password)
{
	struct user u;

	memset(&u, 0, sizeof(u));
	snprintf(u.name, sizeof(u.name), "%s", name);
	snprintf(u.realm, sizeof(u.realm), "%s", realm);
	for (unsigned a = 0; a < DIGEST_ALGORITHMS; a++)
		ck_assert_int_eq(
			digest_ha1(&u.ha1[a], a, name, realm, password), 0);
	return u;
}

/* Two Vias: the proxy's, and that of a phone behind a NAT. */
#define PROXY_VIA "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKp\r\n"
#define PHONE_VIA(ip, port)                                                    \
	PROXY_VIA "Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bKf;"           \
		  "received=" ip ";rport=" port "\r\n"
#define FROM_HOME  PHONE_VIA("198.51.100.28", "40000")
#define FROM_AFAR  PHONE_VIA("192.0.2.66", "6000")
#define FROM_LAN   PROXY_VIA "Via: SIP/2.0/UDP 192.168.1.9;branch=z9hG4bKf\r\n"
#define CALL_BOB   "sip:bob@203.0.113.3:5060;ph-domain=example.com"
#define ALICE_FROM "<sip:" ALICE ">"

static inline void to_call(void)
{
	scene.method = "INVITE";
	scene.uri = CALL_BOB;
	scene.to = "<sip:bob@example.com>";
	scene.digest_uri = "sip:bob@example.com";
}

static inline void to_register(void)
{
	scene.method = "REGISTER";
	scene.uri = "sip:example.com";
	scene.to = ALICE_FROM;
	scene.digest_uri = "sip:example.com";
	scene.extra = "Contact: <sip:alice@198.51.100.28:40000>\r\n";
}

static inline void setup(void)
{
	memset(&scene, 0, sizeof(scene));
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	scene.cfg = (struct auth_config){
		.realm = "",
		.secret = "a secret of the site",
		.nonce_ms = NONCE_MS,
		.failures = FAILURES,
		.algorithms = {DIGEST_SHA256, DIGEST_MD5},
		.nalgorithms = 2,
	};
	scene.fake = (struct fake_store){
		.base.cls = &fake_class,
		.counts = {.users = 1, .up = true},
		.user = user_of("alice", "example.com", "secret"),
	};
	scene.store = &scene.fake.base;
	ck_assert_int_eq(auth_alloc(&scene.auth, &scene.cfg, &scene.n), 0);
	scene.now = t0;
	scene.from = ALICE_FROM;
	scene.vias = FROM_HOME;
	scene.call_id = "call-1";
	scene.extra = "";
	scene.cseq = 1;
	scene.name = "alice";
	scene.password = "secret";
	scene.with = DIGEST_MD5;
	scene.qop = true;
	to_call();
}

static inline void teardown(void)
{
	auth_free(scene.auth);
}

static inline void configure(void)
{
	ck_assert_int_eq(auth_set(scene.auth, &scene.cfg), 0);
}

/* The request as it stands, with the credentials that stand there. */
static inline int send_as_is(void)
{
	char text[8192];
	const char *why = "";
	msg_t *msg;
	int status, n;

	n = snprintf(text, sizeof(text),
		     "%s %s SIP/2.0\r\n%sFrom: %s;tag=f\r\nTo: %s\r\n"
		     "Call-ID: %s\r\nCSeq: %u %s\r\n%s%s"
		     "Content-Length: 0\r\n\r\n",
		     scene.method, scene.uri, scene.vias, scene.from, scene.to,
		     scene.call_id, scene.cseq, scene.method, scene.extra,
		     scene.credentials);
	ck_assert_int_lt(n, (int)sizeof(text));
	ck_assert_msg(!sipmsg_parse(&msg, text, (size_t)n, &why), "%s\n%s", why,
		      text);
	status =
		auth_check(&scene.res, scene.auth, scene.store, sip_object(msg),
			   &(struct store_view){.now = scene.now});
	msg_destroy(msg);
	return status;
}

static inline void read_quoted(char *out, size_t cap, const char *name)
{
	const char *p = strstr(scene.res.extra, name);
	size_t n;

	ck_assert_msg(p != NULL, "no %s in %s", name, scene.res.extra);
	p += strlen(name);
	n = strcspn(p, "\"");
	ck_assert_uint_lt(n, cap);
	memcpy(out, p, n);
	out[n] = '\0';
}

/* Keep what the challenge says, as a phone does. */
static inline void learn(void)
{
	read_quoted(scene.nonce, sizeof(scene.nonce), "nonce=\"");
	read_quoted(scene.realm, sizeof(scene.realm), "realm=\"");
	scene.nc = 0;
}

/* Credentials of the next nonce count for the request as it stands. */
static inline void authorize(void)
{
	const bool reg = strcmp(scene.method, "REGISTER") == 0;
	char nc[9];
	const struct digest_parts p = {
		.method = scene.method,
		.uri = scene.digest_uri,
		.nonce = scene.nonce,
		.qop = scene.qop ? "auth" : NULL,
		.nc = nc,
		.cnonce = "cn",
	};
	struct digest ha1, d;
	struct strbuf sb;

	snprintf(nc, sizeof(nc), "%08x", ++scene.nc);
	ck_assert_int_eq(digest_ha1(&ha1, scene.with, scene.name, scene.realm,
				    scene.password),
			 0);
	ck_assert_int_eq(digest_response(&d, scene.with, &ha1, &p), 0);
	strbuf_init(&sb, scene.credentials, sizeof(scene.credentials));
	strbuf_printf(&sb,
		      "%s: Digest username=\"%s\", realm=\"%s\", "
		      "nonce=\"%s\", uri=\"%s\", response=\"%s\", "
		      "algorithm=%s",
		      reg ? "Authorization" : "Proxy-Authorization", scene.name,
		      scene.realm, scene.nonce, scene.digest_uri, d.hex,
		      digest_name(scene.with));
	if (scene.qop)
		strbuf_printf(&sb, ", qop=auth, nc=%s, cnonce=\"cn\"", nc);
	strbuf_str(&sb, "\r\n");
	ck_assert_int_eq(strbuf_err(&sb), 0);
}

/* A new request, without credentials. */
static inline int send_plain(void)
{
	scene.cseq++;
	scene.credentials[0] = '\0';
	return send_as_is();
}

/* A new request that answers the last challenge. */
static inline int send_proof(void)
{
	scene.cseq++;
	authorize();
	return send_as_is();
}

/* Ask, be challenged, answer. */
static inline int send_both(void)
{
	int status = send_plain();

	ck_assert(status == 401 || status == 407);
	learn();
	return send_proof();
}

static inline void check_said(const char *text)
{
	ck_assert_msg(strstr(scene.res.extra, text) != NULL, "no \"%s\" in\n%s",
		      text, scene.res.extra);
}

static inline void check_not_said(const char *text)
{
	ck_assert_msg(strstr(scene.res.extra, text) == NULL, "\"%s\" in\n%s",
		      text, scene.res.extra);
}

#endif
