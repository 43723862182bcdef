#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/siphash.h"
#include "common/txn_internal.h"

#define COOKIE "z9hG4bK"
enum { COOKIE_LEN = sizeof(COOKIE) - 1 };

/* The first byte tells the rules apart, so that no two can meet. */
enum { KEY_RFC3261 = 'c', KEY_RFC2543 = 'o' };

/* With its NUL: a value cannot run into the next one. */
static void put(struct strbuf *sb, const char *value)
{
	if (value)
		strbuf_str(sb, value);
	strbuf_add(sb, "", 1);
}

/* Host names compare without case; no port is the default port. */
static void put_sent_by(struct strbuf *sb, const sip_via_t *via)
{
	for (const char *p = via->v_host; p && *p; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;

		strbuf_add(sb, &c, 1);
	}
	strbuf_printf(sb, ":%s", via->v_port ? via->v_port : "5060");
	strbuf_add(sb, "", 1);
}

static void put_rfc3261(struct strbuf *sb, const sip_t *req, const char *method)
{
	put(sb, req->sip_via->v_branch);
	put_sent_by(sb, req->sip_via);
	put(sb, method);
}

static void put_rfc2543(struct strbuf *sb, const sip_t *req, const char *method,
			const char *to_tag)
{
	const sip_via_t *via = req->sip_via;
	const url_t *url = req->sip_request->rq_url;

	strbuf_printf(sb, URL_FORMAT_STRING, URL_PRINT_ARGS(url));
	put(sb, "");
	put(sb, to_tag);
	put(sb, req->sip_from->a_tag);
	put(sb, req->sip_call_id->i_id);
	strbuf_printf(sb, "%" PRIu32, req->sip_cseq->cs_seq);
	put(sb, "");
	put(sb, via->v_protocol);
	put_sent_by(sb, via);
	put(sb, via->v_branch);
	put(sb, method);
}

bool txn_key_has_cookie(const sip_t *sip)
{
	const char *branch = sip->sip_via->v_branch;

	return branch && strncasecmp(branch, COOKIE, COOKIE_LEN) == 0 &&
	       branch[COOKIE_LEN] != '\0';
}

int txn_key_server(uint64_t *key, struct txns *t, const sip_t *req,
		   const char *method, const char *to_tag)
{
	struct strbuf sb;

	strbuf_init(&sb, t->scratch, sizeof(t->scratch));
	if (txn_key_has_cookie(req)) {
		strbuf_add(&sb, &(char){KEY_RFC3261}, 1);
		put_rfc3261(&sb, req, method);
	} else {
		strbuf_add(&sb, &(char){KEY_RFC2543}, 1);
		put_rfc2543(&sb, req, method, to_tag);
	}
	*key = siphash_secret(sb.data, sb.len);
	return strbuf_err(&sb);
}

/* A method that is longer than any we send is left out, and matches none. */
uint64_t txn_key_client(const char *branch, size_t branch_len,
			const char *method)
{
	uint64_t hash = siphash_secret(branch, branch_len);
	char text[sizeof(hash) + TXN_METHOD_MAX];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_add(&sb, (const char *)&hash, sizeof(hash));
	strbuf_str(&sb, method);
	return siphash_secret(sb.data, sb.len);
}

/* Not of the To: the ACK has the tag there that the INVITE had not. */
void txn_key_tag(char tag[TXN_BRANCH_LEN], struct txns *t, const sip_t *req)
{
	char branch[TXN_BRANCH_LEN];
	struct strbuf sb;

	strbuf_init(&sb, t->scratch, sizeof(t->scratch));
	put(&sb, "tag");
	put(&sb, req->sip_call_id->i_id);
	put(&sb, req->sip_from->a_tag);
	put(&sb, req->sip_via->v_branch);
	put_sent_by(&sb, req->sip_via);
	strbuf_printf(&sb, "%" PRIu32, req->sip_cseq->cs_seq);
	txn_branch(branch, sb.data, sb.len);
	snprintf(tag, TXN_BRANCH_LEN, "%s", branch + COOKIE_LEN);
}

void txn_branch(char buf[TXN_BRANCH_LEN], const void *seed, size_t len)
{
	memcpy(buf, COOKIE, COOKIE_LEN);
	if (seed)
		snprintf(buf + COOKIE_LEN, TXN_BRANCH_LEN - COOKIE_LEN,
			 "%016" PRIx64, siphash_secret(seed, len));
	else
		sipmsg_token(buf + COOKIE_LEN, TXN_BRANCH_LEN - COOKIE_LEN);
}
