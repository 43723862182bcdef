#ifndef PROTO_REDIRECT_H
#define PROTO_REDIRECT_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/sipmsg.h"

struct strbuf;

enum {
	REDIRECT_ID_MAX = 256,
	REDIRECT_TARGETS_MAX = 10,
	REDIRECT_URL_MAX = 512
};

/*
 * The client id of a URI: "user@domain", the domain in lower case, taken from
 * ph-domain where present (a URI that a 302 or a query of ours made). 0,
 * -EINVAL (no user, not a sip URI), -EMSGSIZE.
 */
int redirect_client_id(char id[REDIRECT_ID_MAX], const url_t *url);

/* The same of what people write, without scheme and port: "user@domain". */
int redirect_client_id_text(char id[REDIRECT_ID_MAX], const char *text);

/*
 * Turn a copy of a request into the redirect query (Fig. 7a, step 150a): the
 * Request-URI becomes that of redirectd, with the asked-for domain in
 * ph-domain. Everything else stays. 0, -ENOMEM, -EINVAL (no such id).
 */
int redirect_query_make(msg_t *msg, const struct addr *redirect,
			const char *id);

/*
 * The request came from another proxy of the site, which has asked before: only
 * bindings that the asking proxy serves are wanted, where there are any.
 * Without this, two proxies that serve phones of one client would send its
 * calls to each other. 0 or -ENOMEM.
 */
int redirect_query_limit(msg_t *query);
bool redirect_query_limited(const sip_t *sip);

/* The asking proxy knows who has sent the request: redirectd asks nobody for
 * credentials. 0 or -ENOMEM. */
int redirect_query_vouch(msg_t *query);
bool redirect_query_vouched(const sip_t *sip);

/*
 * The client asked for is the sender of a request to another domain, that to
 * `url`: it is this one that its credentials are for. 0 or -ENOMEM.
 */
int redirect_query_abroad(msg_t *query, const url_t *url);

/* Whose id that is, "" where the URL has no user part. 0, or -ENOENT: it is no
 * such query. */
int redirect_query_abroad_id(char id[REDIRECT_ID_MAX], const sip_t *sip);

/* One place where a client can be reached. */
struct redirect_target {
	char url[REDIRECT_URL_MAX]; /* without <> */
	unsigned q;                 /* 0-1000 */
};

/*
 * The URI that sends a stranger to the serving proxy: sip:USER@PROXY with
 * ph-domain. 0, -EMSGSIZE, -EINVAL (no such id).
 */
int redirect_proxy_url(char url[REDIRECT_URL_MAX], const char *id,
		       const struct addr *proxy);

/* The 302 (Fig. 7b): one Contact per target, in the order given. 0, -EMSGSIZE,
 * -EINVAL (no target, or a URL that would break the header). */
int redirect_answer_print(struct strbuf *out, const sip_t *req,
			  const struct redirect_target *targets, size_t n);

/* Read a 302 (step 150c): targets best q first (1000 where none is given), at
 * most `max`. Returns how many, or -EBADMSG where it is no 302 or has no usable
 * Contact. */
int redirect_answer_parse(struct redirect_target *targets, size_t max,
			  const sip_t *sip);

/* The contacts of any response in the same way; how many. */
int redirect_contacts_parse(struct redirect_target *targets, size_t max,
			    const sip_t *sip);

#endif
