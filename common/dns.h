#ifndef COMMON_DNS_H
#define COMMON_DNS_H

#include <stdbool.h>
#include <uv.h>

#include "common/dnsmsg.h"

/*
 * Questions to name servers: c-ares on the daemon's own loop, no thread, no
 * blocking. No search list is applied: names are asked for as they are.
 */
struct dns;

/* The answer to one question; it lives until the handler returns. */
typedef void dns_answer_h(enum dns_type type, const char *name,
			  const struct dns_answer *a, void *arg);

/* `servers`: "203.0.113.53,[2001:db8::53]:5353", or "" for those of
 * /etc/resolv.conf, which is read here and now. 0, -EINVAL (not addresses),
 * -ENOMEM, -EIO. */
int dns_alloc(struct dns **dp, uv_loop_t *loop, const char *servers,
	      dns_answer_h *fn, void *arg);

/* Ask; the handler is called later, never within, after seconds at most. 0, or
 * negative: not asked. */
int dns_ask(struct dns *d, enum dns_type type, const char *name);

/* Addresses of a name in /etc/hosts (A and AAAA alone). False: none. */
bool dns_hosts(struct dns_answer *out, struct dns_record rr[DNS_RECORDS_MAX],
	       struct dns *d, enum dns_type type, const char *name);

/* Forget every question; not within the handler. */
void dns_free(struct dns *d);

#endif
