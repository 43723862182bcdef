#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/siphash.h"
#include "common/strbuf.h"

#include "proxyd/loops.h"

#define COOKIE "z9hG4bK"

/* A branch is the cookie, a word of chance, the print and the seal. */
enum {
	COOKIE_LEN = sizeof(COOKIE) - 1,
	CHANCE_LEN = 8,
	HEX_LEN = 8,
	PRINT_AT = COOKIE_LEN + CHANCE_LEN,
	SEAL_AT = PRINT_AT + HEX_LEN,
	BRANCH_LEN = SEAL_AT + HEX_LEN,
};
_Static_assert((int)BRANCH_LEN < (int)TXN_BRANCH_LEN, "a branch has room");

static void put(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void put_url(struct strbuf *sb, const url_t *url)
{
	strbuf_printf(sb, URL_FORMAT_STRING, URL_PRINT_ARGS(url));
	put(sb, "");
}

static void put_params(struct strbuf *sb, const msg_param_t *params)
{
	for (; params && *params; params++)
		put(sb, *params);
	put(sb, "");
}

/* What does not fit is left out: two requests that differ only there look the
 * same, and no more than that. */
uint32_t loops_print_of(const sip_t *req)
{
	static char text[SIPMSG_MAX];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_printf(&sb, "%" PRIu32, req->sip_cseq->cs_seq);
	put(&sb, "");
	put(&sb, req->sip_call_id->i_id);
	put(&sb, req->sip_from->a_tag);
	put(&sb, req->sip_to->a_tag);
	put_url(&sb, req->sip_request->rq_url);
	for (const sip_route_t *r = req->sip_route; r; r = r->r_next)
		put_url(&sb, r->r_url);
	if (req->sip_proxy_require)
		put_params(&sb, req->sip_proxy_require->k_items);
	if (req->sip_proxy_authorization)
		put_params(&sb, req->sip_proxy_authorization->au_params);
	return (uint32_t)siphash_secret(text, sb.len);
}

/* Nobody else can say that a request has been here. */
static void seal(char hex[HEX_LEN + 1], const char *branch, const char *call_id)
{
	char text[BRANCH_LEN + SIPMSG_CALLID_MAX + 1];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_add(&sb, branch, SEAL_AT);
	strbuf_str(&sb, call_id);
	(void)snprintf(hex, HEX_LEN + 1, "%08" PRIx32,
		       (uint32_t)siphash_secret(text, sb.len));
}

void loops_branch(char buf[TXN_BRANCH_LEN], uint32_t print, const char *call_id)
{
	char chance[CHANCE_LEN + 1], hex[HEX_LEN + 1];

	sipmsg_token(chance, sizeof(chance));
	(void)snprintf(buf, TXN_BRANCH_LEN, "%s%s%08" PRIx32, COOKIE, chance,
		       print);
	seal(hex, buf, call_id);
	memcpy(buf + SEAL_AT, hex, sizeof(hex));
}

static bool is_sealed(const char *branch, const char *call_id)
{
	char hex[HEX_LEN + 1];

	if (!branch || strlen(branch) != BRANCH_LEN ||
	    memcmp(branch, COOKIE, COOKIE_LEN) != 0)
		return false;
	seal(hex, branch, call_id);
	return memcmp(branch + SEAL_AT, hex, HEX_LEN) == 0;
}

static bool is_print(const char *branch, uint32_t print)
{
	char hex[HEX_LEN + 1];

	(void)snprintf(hex, sizeof(hex), "%08" PRIx32, print);
	return memcmp(branch + PRINT_AT, hex, HEX_LEN) == 0;
}

enum loops_verdict loops_judge(const sip_t *req, uint32_t print,
			       loops_ours_h *ours, const void *arg)
{
	enum loops_verdict v = LOOPS_FIRST;
	struct addr a;

	for (const sip_via_t *via = req->sip_via; via; via = via->v_next) {
		if (sipmsg_via_addr(&a, via) || !ours(&a, arg) ||
		    !is_sealed(via->v_branch, req->sip_call_id->i_id))
			continue;
		if (is_print(via->v_branch, print))
			return LOOPS_AGAIN;
		v = LOOPS_SPIRAL;
	}
	return v;
}
