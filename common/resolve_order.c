#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/resolve_order.h"

/* Every service, once: transport, NAPTR service field, prefix of its SRV. */
static const struct {
	const char *naptr, *srv;
	bool sips;
} services[TRANSPORT_COUNT] = {
	[TRANSPORT_UDP] = {"SIP+D2U", "_sip._udp.", false},
	[TRANSPORT_TCP] = {"SIP+D2T", "_sip._tcp.", false},
	[TRANSPORT_TLS] = {"SIPS+D2T", "_sips._tcp.", true},
	[TRANSPORT_WS] = {"SIP+D2W", "_sip._ws.", false},
	[TRANSPORT_WSS] = {"SIPS+D2W", "_sips._ws.", true},
};

/* splitmix64 (Steele, Lea, Flood) */
uint64_t resolve_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

int resolve_srv_name(char out[DNS_NAME_LEN], enum transport t,
		     const char *domain)
{
	int n = snprintf(out, DNS_NAME_LEN, "%s%s", services[t].srv, domain);

	return n < 0 || n > DNS_NAME_LEN - 3 ? -EINVAL : 0;
}

/* The transport of a record, or -1 where it is no SIP service; the flag says
 * what to ask for next: "s" an SRV name, "a" a host (RFC 3404 4.4). */
static int service_of(const struct dns_naptr *r)
{
	if (strcasecmp(r->flags, "s") != 0 && strcasecmp(r->flags, "a") != 0)
		return -1;
	for (int i = 0; i < TRANSPORT_COUNT; i++)
		if (!strcasecmp(r->service, services[i].naptr))
			return i;
	return -1;
}

static bool goes_before(const struct dns_naptr *a, const struct dns_naptr *b)
{
	return a->order != b->order ? a->order < b->order
				    : a->preference < b->preference;
}

/* Insert at its place; what is equal stays in the order of the answer. */
static size_t insert(const struct dns_naptr **v, size_t n,
		     const struct dns_naptr *r)
{
	size_t i = n;

	for (; i > 0 && goes_before(r, v[i - 1]); i--)
		v[i] = v[i - 1];
	v[i] = r;
	return n + 1;
}

int resolve_order_naptr(struct resolve_service *out, size_t max,
			const struct dns_answer *naptr, unsigned transports,
			bool sips)
{
	const struct dns_naptr *v[DNS_RECORDS_MAX];
	size_t n = 0, used = 0;
	bool any = false;

	for (size_t i = 0; i < naptr->n; i++) {
		const struct dns_naptr *r = &naptr->rr[i].u.naptr;
		int t = service_of(r);

		any = any || t >= 0;
		if (t >= 0 && transports & 1u << t &&
		    (!sips || services[t].sips))
			n = insert(v, n, r);
	}
	/* RFC 3403 4.1: once one is found, no higher order is looked at. */
	for (; used < n && used < max && v[used]->order == v[0]->order;
	     used++) {
		const struct dns_naptr *r = v[used];

		out[used].transport = (enum transport)service_of(r);
		out[used].is_host = !strcasecmp(r->flags, "a");
		memcpy(out[used].name, r->replacement, DNS_NAME_LEN);
	}
	if (!used)
		return any ? -EPROTONOSUPPORT : -ENOENT;
	return (int)used;
}

/* Candidates of the lowest priority left: moved to the front of v, those of
 * weight 0 first. Returns how many. */
static size_t gather(uint8_t *v, size_t n, const struct dns_answer *srv)
{
	uint16_t lowest = UINT16_MAX;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (srv->rr[v[i]].u.srv.priority < lowest)
			lowest = srv->rr[v[i]].u.srv.priority;
	for (int weighted = 0; weighted < 2; weighted++) {
		for (size_t i = count; i < n; i++) {
			const struct dns_srv *r = &srv->rr[v[i]].u.srv;
			uint8_t moved = v[i];

			if (r->priority != lowest || !r->weight != !weighted)
				continue;
			v[i] = v[count];
			v[count++] = moved;
		}
	}
	return count;
}

/* The one that chance takes of the first `count` (RFC 2782, page 4). */
static size_t draw(const uint8_t *v, size_t count, const struct dns_answer *srv,
		   uint64_t *random)
{
	uint64_t sum = 0, chosen;

	for (size_t i = 0; i < count; i++)
		sum += srv->rr[v[i]].u.srv.weight;
	chosen = resolve_random(random) % (sum + 1);
	sum = 0;
	for (size_t i = 0; i < count; i++) {
		sum += srv->rr[v[i]].u.srv.weight;
		if (sum >= chosen)
			return i;
	}
	return 0;
}

size_t resolve_order_srv(uint8_t *out, const struct dns_answer *srv,
			 uint64_t *random)
{
	size_t n = 0, done = 0;

	for (size_t i = 0; i < srv->n; i++)
		if (srv->rr[i].u.srv.target[0])
			out[n++] = (uint8_t)i;
	while (done < n) {
		size_t count = gather(out + done, n - done, srv);
		size_t i = done + draw(out + done, count, srv, random);
		uint8_t drawn = out[i];

		out[i] = out[done];
		out[done++] = drawn;
	}
	return n;
}
