#ifndef PROTO_POOL_H
#define PROTO_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sipmsg.h"
#include "proto/redirect.h"
#include "proto/relay.h"

/*
 * The pool of relays: each registers itself with redirectd as
 * sip:relay@CLUSTER (relay_join_print), and a proxy asks redirectd for that
 * name. Neither message passes a proxy: each has exactly one Via, which no
 * phone's request has that came through one.
 */
enum {
	POOL_RELAYS_MAX = 64,
	POOL_EXPIRES_MAX = 60, /* seconds, granted to a relay */
	POOL_Q_ROOM = 10000,   /* sessions' room that makes a q of 1 */
	POOL_Q_MAX = 1000,
};

/*
 * The q (0-1000) of a relay with room for so many more sessions. It is a
 * measure and no fraction, so that a large relay gets more calls than a small
 * one: one thousandth for every 10 sessions begun. 0: none.
 */
unsigned pool_q(uint64_t room);

/* Whether a text can be the name of a cluster: a host name. */
bool pool_cluster_ok(const char *cluster);
/* The same as a conf_check_h. */
int pool_cluster_check(const char *value, char *why, size_t len);

/* Whether a message has been through no proxy: one Via. */
bool pool_is_direct(const sip_t *sip);

/* "relay@CLUSTER" of a URI whose user part is that of the relays: the cluster
 * in lower case. 0, -ENOENT (another user), -EINVAL, -EMSGSIZE. */
int pool_cluster(char cluster[REDIRECT_ID_MAX], const url_t *url);

/* A relay's REGISTER, as redirectd reads it. */
struct pool_join {
	struct addr relay; /* its Contact */
	unsigned q;        /* 0-1000 */
	uint32_t expires;  /* seconds asked for; 0: it leaves */
};

/* 0, or -EBADMSG: exactly one Contact, sip:relay@ADDRESS, with expires. */
int pool_join_parse(struct pool_join *j, const sip_t *sip);

/* The 200 to it, with what is granted. 0, -EMSGSIZE. */
int pool_join_answer_print(struct strbuf *out, const sip_t *req,
			   const struct pool_join *j);

/* What a relay was granted, seconds. 0, or -EBADMSG: no 200, or not `self`'s.
 */
int pool_join_answer_parse(uint32_t *expires, const sip_t *sip,
			   const struct addr *self);

/* The question of a proxy: OPTIONS sip:relay@REDIRECT;ph-domain=CLUSTER. Of
 * `r` call_id, from_tag and cseq are used. 0, -EMSGSIZE, -EINVAL. */
int pool_query_print(struct strbuf *out, const struct proto_hop *hop,
		     const struct relay_request *r, const char *cluster);

struct pool_relay {
	struct addr at;
	unsigned q;
};

/* The 302 with one Contact per relay; n is 1 to POOL_RELAYS_MAX. 0, -EMSGSIZE,
 * -EINVAL. */
int pool_answer_print(struct strbuf *out, const sip_t *req,
		      const struct pool_relay *v, size_t n);

/* Read it: how many relays, best q first; -EBADMSG. */
int pool_answer_parse(struct pool_relay v[POOL_RELAYS_MAX], const sip_t *sip);

#endif
