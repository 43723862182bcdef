#ifndef TESTS_UNIT_DNS_ZONE_H
#define TESTS_UNIT_DNS_ZONE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/dnsmsg.h"

/*
 * A small zone as text, one record a line, as name servers of the tests know
 * it; what is not in it is not there:
 *   "example.com NAPTR 10 50 s SIP+D2U _sip._udp.example.com"
 *   "_sip._udp.example.com SRV 1 0 5060 a.example.com"   ("." as "-")
 *   "a.example.com A 192.0.2.1"
 *   "slow.example.com A !"                                (no answer)
 */
struct zone_line {
	char name[DNS_NAME_LEN], type[8];
	const char *data;
};

static inline void zone_read(struct zone_line *l, const char *text)
{
	int n = 0;

	ck_assert_int_eq(sscanf(text, "%255s %7s %n", l->name, l->type, &n), 2);
	l->data = text + n;
}

static inline void zone_record(struct dns_record *r, const char *type,
			       const char *data)
{
	unsigned a, b, c;

	memset(r, 0, sizeof(*r));
	if (!strcmp(type, "SRV")) {
		ck_assert_int_eq(sscanf(data, "%u %u %u %255s", &a, &b, &c,
					r->u.srv.target),
				 4);
		r->u.srv.priority = (uint16_t)a;
		r->u.srv.weight = (uint16_t)b;
		r->u.srv.port = (uint16_t)c;
		if (!strcmp(r->u.srv.target, "-"))
			r->u.srv.target[0] = '\0';
	} else if (!strcmp(type, "NAPTR")) {
		ck_assert_int_eq(sscanf(data, "%u %u %7s %31s %255s", &a, &b,
					r->u.naptr.flags, r->u.naptr.service,
					r->u.naptr.replacement),
				 5);
		r->u.naptr.order = (uint16_t)a;
		r->u.naptr.preference = (uint16_t)b;
	} else {
		ck_assert_int_eq(addr_parse(&r->u.addr, data, 0), 0);
	}
}

/* What the zone (up to a NULL) says. */
static inline void zone_answer(struct dns_answer *a,
			       struct dns_record rr[DNS_RECORDS_MAX],
			       const char *const *zone, enum dns_type type,
			       const char *name)
{
	struct zone_line l;

	*a = (struct dns_answer){.err = -ENOENT, .ttl = 60, .rr = rr};
	for (; *zone; zone++) {
		zone_read(&l, *zone);
		if (strcmp(l.name, name) != 0)
			continue;
		if (a->err == -ENOENT)
			a->err = 0;
		if (strcmp(l.type, dnsmsg_type_name(type)) != 0)
			continue;
		if (*l.data == '!') {
			a->err = -ETIMEDOUT;
			return;
		}
		ck_assert_uint_lt(a->n, DNS_RECORDS_MAX);
		zone_record(&rr[a->n++], l.type, l.data);
	}
}

#endif
