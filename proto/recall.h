#ifndef PROTO_RECALL_H
#define PROTO_RECALL_H

#include <jansson.h>

#include "proto/redirect.h"
#include "proto/relay.h"

/*
 * A proxy that was restarted asks redirectd for the bindings that it serves and
 * that are marked as behind a NAT or on a connection, to keep their pinholes
 * open (119). The list comes in pages of one datagram, each of whole clients;
 * the question for the next names the last client of the one before.
 */
enum {
	RECALL_PAGE_LEN = 1200, /* a page is closed once it is so long */
};

struct recall_binding {
	const char *id;       /* the client */
	const char *url;      /* the Contact URI, as it was registered */
	const char *instance; /* +sip.instance; "": none */
	uint32_t reg_id;
	uint32_t expires; /* seconds from now */
};

/* OPTIONS sip:REDIRECT;ph-recall=AFTER; `after` "": the first page. Of `r`
 * call_id, from_tag and cseq are used. 0, -EMSGSIZE, -EINVAL. */
int recall_query_print(struct strbuf *out, const struct proto_hop *hop,
		       const struct relay_request *r, const char *after);

/* Whether a request is that question, and after whom ("": from the first). 0,
 * -ENOENT, -EMSGSIZE. */
int recall_query_after(char after[REDIRECT_ID_MAX], const sip_t *sip);

/* A page under way: the JSON body of the answer and about how long it is. */
struct recall_page {
	json_t *body;
	size_t len;
};

/* 0 or -ENOMEM; what was made is released by recall_page_free(). */
int recall_page_init(struct recall_page *page);
int recall_page_add(struct recall_page *page, const struct recall_binding *b);

/* There is more behind this client. */
int recall_page_more(struct recall_page *page, const char *last);
void recall_page_free(struct recall_page *page);

/* The 200 with the page. 0, -EMSGSIZE, -ENOMEM. */
int recall_answer_print(struct strbuf *out, const sip_t *req,
			const struct recall_page *page);

/* Read it: the body (new reference) and how many bindings there are in it;
 * -EBADMSG where it is no such answer. */
int recall_answer_parse(json_t **body, const sip_t *sip);

/* One of them; strings are the body's. 0, -EBADMSG. */
int recall_answer_binding(struct recall_binding *b, const json_t *body,
			  size_t i);

/* The client to ask after for the next page; NULL: this was the last. */
const char *recall_answer_next(const json_t *body);

#endif
