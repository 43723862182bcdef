#ifndef TESTS_UNIT_DNS_WIRE_H
#define TESTS_UNIT_DNS_WIRE_H

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "common/dnsmsg.h"

/* A message of a name server, written piece by piece. */
enum { WIRE_MAX = 4096, WIRE_QUESTION_AT = 12, WIRE_SOA = 6, WIRE_CNAME = 5 };

struct wire {
	uint8_t data[WIRE_MAX];
	size_t len;
	size_t rdata; /* where the data of the record begun starts */
};

static inline void wire_num(struct wire *w, size_t bytes, uint64_t value)
{
	ck_assert_uint_le(w->len + bytes, sizeof(w->data));
	while (bytes--)
		w->data[w->len++] = (uint8_t)(value >> 8 * bytes);
}

static inline void wire_string(struct wire *w, const char *text)
{
	wire_num(w, 1, (uint32_t)strlen(text));
	while (*text)
		wire_num(w, 1, (uint8_t)*text++);
}

/* "" is the root. */
static inline void wire_name(struct wire *w, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		wire_num(w, 1, (uint32_t)n);
		for (size_t i = 0; i < n; i++)
			wire_num(w, 1, (uint8_t)name[i]);
		name += n + (name[n] == '.');
	}
	wire_num(w, 1, 0);
}

static inline void wire_pointer(struct wire *w, size_t at)
{
	wire_num(w, 2, 0xc000 | (uint32_t)at);
}

/* Head and question of an answer. */
static inline void wire_begin(struct wire *w, unsigned rcode, unsigned answers,
			      unsigned authorities, const char *name,
			      unsigned type)
{
	w->len = 0;
	wire_num(w, 2, 0x1234);
	wire_num(w, 2, 0x8180 | rcode);
	wire_num(w, 2, 1);
	wire_num(w, 2, answers);
	wire_num(w, 2, authorities);
	wire_num(w, 2, 0);
	wire_name(w, name);
	wire_num(w, 2, type);
	wire_num(w, 2, 1);
}

/* A record's head; wire_record_end() writes its length. An owner of "@" is the
 * name of the question, by a pointer. */
static inline void wire_record(struct wire *w, const char *owner, unsigned type,
			       uint32_t ttl)
{
	if (!strcmp(owner, "@"))
		wire_pointer(w, WIRE_QUESTION_AT);
	else
		wire_name(w, owner);
	wire_num(w, 2, type);
	wire_num(w, 2, 1);
	wire_num(w, 4, ttl);
	wire_num(w, 2, 0);
	w->rdata = w->len;
}

static inline void wire_record_end(struct wire *w)
{
	size_t n = w->len - w->rdata;

	w->data[w->rdata - 2] = (uint8_t)(n >> 8);
	w->data[w->rdata - 1] = (uint8_t)n;
}

static inline void wire_data(struct wire *w, enum dns_type type,
			     const struct dns_record *r)
{
	switch (type) {
	case DNS_A:
		wire_num(w, 4, ntohl(r->u.addr.u.in.sin_addr.s_addr));
		break;
	case DNS_AAAA:
		for (int i = 0; i < 16; i++)
			wire_num(w, 1, r->u.addr.u.in6.sin6_addr.s6_addr[i]);
		break;
	case DNS_SRV:
		wire_num(w, 2, r->u.srv.priority);
		wire_num(w, 2, r->u.srv.weight);
		wire_num(w, 2, r->u.srv.port);
		wire_name(w, r->u.srv.target);
		break;
	case DNS_NAPTR:
		wire_num(w, 2, r->u.naptr.order);
		wire_num(w, 2, r->u.naptr.preference);
		wire_string(w, r->u.naptr.flags);
		wire_string(w, r->u.naptr.service);
		wire_string(w, "");
		wire_name(w, r->u.naptr.replacement);
		break;
	}
}

static inline void wire_soa(struct wire *w, const char *owner, uint32_t ttl,
			    uint32_t minimum)
{
	wire_record(w, owner, WIRE_SOA, ttl);
	wire_name(w, "ns.example.com");
	wire_name(w, "hostmaster.example.com");
	for (uint32_t i = 1; i <= 4; i++)
		wire_num(w, 4, i);
	wire_num(w, 4, minimum);
	wire_record_end(w);
}

/* The whole answer. */
static inline void wire_answer(struct wire *w, const struct dns_answer *a,
			       enum dns_type type, const char *name)
{
	wire_begin(w, a->err ? 3 : 0, (unsigned)a->n, a->n == 0, name,
		   (unsigned)type);
	for (size_t i = 0; i < a->n; i++) {
		wire_record(w, "@", (unsigned)type, a->ttl);
		wire_data(w, type, &a->rr[i]);
		wire_record_end(w);
	}
	if (!a->n)
		wire_soa(w, "example.com", a->ttl, a->ttl);
}

#endif
