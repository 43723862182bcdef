#include <string.h>

#include "common/dnsmsg.h"
#include "common/resolve_order.h"
#include "tests/fuzz/fuzz.h"

/*
 * Whatever a name server sends: what is read out of it are names that may be
 * asked for again, addresses, ports; and their order has each of them once.
 * The first byte chooses what was asked for.
 */
static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};

static void must_be_name(const char *name)
{
	char again[DNS_NAME_LEN];
	size_t len = strnlen(name, DNS_NAME_LEN);

	MUST(len < DNS_NAME_LEN);
	/* text and wire differ in how much a name may be */
	if (len && len <= DNS_NAME_LEN - 3)
		MUST(dnsmsg_name(again, name, len) == 0 &&
		     !strcmp(again, name));
}

static void must_order(const struct dns_answer *a, uint64_t seed)
{
	uint8_t order[DNS_RECORDS_MAX];
	uint64_t seen = 0;
	size_t n = resolve_order_srv(order, a, &seed);

	MUST(n <= a->n);
	for (size_t i = 0; i < n; i++) {
		MUST(order[i] < a->n && !(seen & 1ull << order[i]));
		seen |= 1ull << order[i];
		MUST(!i || a->rr[order[i - 1]].u.srv.priority <=
				   a->rr[order[i]].u.srv.priority);
	}
}

static void must_choose(const struct dns_answer *a)
{
	struct resolve_service s[4];
	int n = resolve_order_naptr(s, 4, a, (1u << TRANSPORT_COUNT) - 1,
				    false);

	MUST(n <= 4 && n != 0);
	for (int i = 0; i < n; i++)
		must_be_name(s[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_record rr[DNS_RECORDS_MAX];
	struct dns_answer a;
	enum dns_type type;

	if (!size)
		return 0;
	type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
	if (dnsmsg_parse(&a, rr, type, data + 1, size - 1))
		return 0;
	MUST(a.n <= DNS_RECORDS_MAX && !(a.err && a.n));
	for (size_t i = 0; i < a.n; i++) {
		if (type == DNS_SRV) {
			must_be_name(rr[i].u.srv.target);
			MUST(rr[i].u.srv.port || !rr[i].u.srv.target[0]);
		} else if (type == DNS_NAPTR) {
			must_be_name(rr[i].u.naptr.replacement);
		} else {
			MUST(!addr_is_none(&rr[i].u.addr));
		}
	}
	if (type == DNS_SRV)
		must_order(&a, size);
	if (type == DNS_NAPTR)
		must_choose(&a);
	return 0;
}
