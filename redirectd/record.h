#ifndef REDIRECTD_RECORD_H
#define REDIRECTD_RECORD_H

#include <jansson.h>

#include "redirectd/binding.h"
#include "redirectd/store.h"
#include "redirectd/user.h"

/*
 * What a store keeps, as JSON: one object a client, a user or an alias, which
 * says itself whose it is. Times are dir_time (milliseconds since 1970); "q" is
 * 0-1000.
 *
 *   {"client":"alice@a","bindings":[{"url":"sip:…","instance":"",…}]}
 *   {"user":"alice@a","name":"alice","realm":"a","ha1":{"MD5":"…",…}}
 *   {"alias":"sales@a","of":"alice@a"}
 *
 * Reading trusts nothing: members that are missing, unknown, of another type or
 * out of their range, and text that could not have come with a request, make it
 * no record (-EBADMSG).
 */
enum record_kind { RECORD_CLIENT, RECORD_USER, RECORD_ALIAS };

/* A client read: strings are those of the JSON. */
struct record_client {
	const char *id;
	size_t n;
	struct binding v[BINDINGS_MAX];
};

/* Longer than any record as text. */
enum { RECORD_LEN_MAX = 32768 };

/* Whether it may be a client id: "user@domain", shorter than REDIRECT_ID_MAX,
 * no spaces, the domain in lower case. */
bool record_id_ok(const char *id);

/* The text of one, of `len` bytes: a new reference, or NULL (no JSON object, or
 * longer than RECORD_LEN_MAX). */
json_t *record_parse(const char *text, size_t len);

/* What it says it is; it need not be a good one. 0 or -EBADMSG. */
int record_kind(enum record_kind *kind, const json_t *record);

/* New references; NULL: out of memory, or text that is not UTF-8. */
json_t *record_of_binding(const struct binding *b);
json_t *record_of_client(const char *id, const struct binding *v, size_t n);
json_t *record_of_user(const char *id, const struct user *u);
json_t *record_of_alias(const char *id, const char *of);

/* 0 or -EBADMSG; strings handed out live as long as the JSON. */
int record_binding(struct binding *b, const json_t *record);
int record_client(struct record_client *c, const json_t *record);
int record_user(const char **id, struct user *u, const json_t *record);
int record_alias(const char **id, const char **of, const json_t *record);

#endif
