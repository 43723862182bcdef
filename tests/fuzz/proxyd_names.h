#ifndef TESTS_FUZZ_PROXYD_NAMES_H
#define TESTS_FUZZ_PROXYD_NAMES_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/dns.h"
#include "tests/fuzz/fuzz.h"

/*
 * What stands in for the name servers; these definitions take the place of
 * those in the library. The names there are:
 *
 *   foreign.example  one address, where datagrams "f" come from
 *   srv.example      a service over UDP at that address, port 5080
 *   two.example      an address where nobody is, and that one
 *   inside.example   addresses never to be contacted
 *   slow.example     no answer
 */
enum { NAMES_ASKED_MAX = 64 };

struct dns {
	dns_answer_h *fn;
	void *arg;
	size_t n;
	struct {
		enum dns_type type;
		char name[DNS_NAME_LEN];
	} asked[NAMES_ASKED_MAX];
};

static struct dns *names_server;

static const struct {
	const char *name;
	const char *addrs[3];
} names_hosts[] = {
	{"foreign.example", {"203.0.113.77"}},
	{"host.srv.example", {"203.0.113.77"}},
	{"two.example", {"203.0.113.78", "203.0.113.77"}},
	{"inside.example", {"127.0.0.1", "10.0.0.1", "203.0.113.1"}},
};

int dns_alloc(struct dns **dp, uv_loop_t *loop, const char *servers,
	      dns_answer_h *fn, void *arg)
{
	struct dns *d = calloc(1, sizeof(*d));

	(void)loop;
	(void)servers;
	MUST(d);
	d->fn = fn;
	d->arg = arg;
	*dp = names_server = d;
	return 0;
}

int dns_ask(struct dns *d, enum dns_type type, const char *name)
{
	if (d->n == NAMES_ASKED_MAX)
		return -EBUSY;
	MUST(strlen(name) < DNS_NAME_LEN);
	d->asked[d->n].type = type;
	strcpy(d->asked[d->n++].name, name);
	return 0;
}

bool dns_hosts(struct dns_answer *out, struct dns_record rr[DNS_RECORDS_MAX],
	       struct dns *d, enum dns_type type, const char *name)
{
	(void)out;
	(void)rr;
	(void)d;
	(void)type;
	(void)name;
	return false;
}

void dns_free(struct dns *d)
{
	if (names_server == d)
		names_server = NULL;
	free(d);
}

static inline size_t names_addresses(struct dns_record *rr, const char *name)
{
	const size_t all = sizeof(names_hosts) / sizeof(*names_hosts);
	size_t n = 0;

	for (size_t i = 0; i < all; i++) {
		const char *const *a = names_hosts[i].addrs;

		if (strcmp(names_hosts[i].name, name) != 0)
			continue;
		for (; n < 3 && a[n]; n++)
			MUST(addr_parse(&rr[n].u.addr, a[n], 0) == 0);
	}
	return n;
}

static inline void names_answer(struct dns *d, enum dns_type type,
				const char *name)
{
	struct dns_record rr[DNS_RECORDS_MAX] = {0};
	struct dns_answer a = {.ttl = 60, .rr = rr};

	if (type == DNS_A)
		a.n = names_addresses(rr, name);
	if (type == DNS_SRV && !strcmp(name, "_sip._udp.srv.example")) {
		rr[0].u.srv = (struct dns_srv){.port = 5080};
		strcpy(rr[0].u.srv.target, "host.srv.example");
		a.n = 1;
	}
	if (strstr(name, "slow.example"))
		a.err = -ETIMEDOUT;
	else if (!a.n && !strstr(name, ".example"))
		a.err = -ENOENT;
	d->fn(type, name, &a, d->arg);
}

/* Whatever is asked for by now gets its answer, and what is asked then. */
static inline void names_deliver(void)
{
	while (names_server && names_server->n) {
		struct dns *d = names_server;
		size_t i = --d->n;
		char name[DNS_NAME_LEN];

		strcpy(name, d->asked[i].name);
		names_answer(d, d->asked[i].type, name);
	}
}

#endif
