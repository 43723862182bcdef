#include "common/metrics.h"
#include "common/table.h"
#include "common/txn.h"
#include "common/transports.h"
#include "proxyd/calls.h"
#include "proxyd/clients.h"
#include "proxyd/directory.h"
#include "proxyd/locating.h"
#include "proxyd/guard.h"
#include "proxyd/pinholes.h"
#include "proxyd/proxy.h"
#include "proxyd/relays.h"
#include "proxyd/session.h"
#include "proxyd/waiting.h"

#include "proxyd/measures.h"

static const struct metric_def counter_defs[] = {PROXYD_COUNTERS(METRICS_DEF)};

#define TXN_DEF(name, help)       {"txn_" #name, help},
#define TRANSPORT_DEF(name, help) {"transport_" #name, help},
#define REFUSING_DEF(name, help)  {"refusal_" #name, help},
#define RESOLVE_DEF(name, help)   {"resolve_" #name, help},
static const struct metric_def txn_defs[] = {TXN_COUNTERS(TXN_DEF)};
static const struct metric_def transport_defs[] = {
	TRANSPORTS_COUNTERS(TRANSPORT_DEF)};
static const struct metric_def resolve_defs[] = {RESOLVE_COUNTERS(RESOLVE_DEF)};

static const struct metric_def refusing_defs[] = {
	REFUSING_COUNTERS(REFUSING_DEF)};

static uint64_t transactions_gauge(void *arg)
{
	return txns_open(((struct proxy *)arg)->txns);
}

static uint64_t requests_gauge(void *arg)
{
	return table_count(((struct proxy *)arg)->requests);
}

static uint64_t clients_gauge(void *arg)
{
	return clients_count(((struct proxy *)arg)->clients);
}

static uint64_t marked_gauge(void *arg)
{
	return pinholes_count_marked(((struct proxy *)arg)->pinholes);
}

static uint64_t waiting_gauge(void *arg)
{
	return waiting_count(((struct proxy *)arg)->waiting);
}

static uint64_t sessions_gauge(void *arg)
{
	return sessions_count(((struct proxy *)arg)->sessions);
}

static uint64_t calls_gauge(void *arg)
{
	return calls_count(((struct proxy *)arg)->calls);
}

static uint64_t conns_gauge(void *arg)
{
	return transports_conns(((struct proxy *)arg)->transports);
}

static uint64_t refusing_gauge(void *arg)
{
	return guard_refusing(((struct proxy *)arg)->guard);
}

static uint64_t sources_gauge(void *arg)
{
	return guard_sources(((struct proxy *)arg)->guard);
}

static uint64_t relays_gauge(void *arg)
{
	return relays_count(((struct proxy *)arg)->relays);
}

static uint64_t relays_usable_gauge(void *arg)
{
	const struct proxy *p = arg;

	return relays_usable(p->relays, proxy_now(p));
}

static uint64_t names_gauge(void *arg)
{
	return locating_known(((struct proxy *)arg)->locating);
}

static uint64_t avoided_gauge(void *arg)
{
	return locating_avoided(((struct proxy *)arg)->locating);
}

static uint64_t redirect_avoided_gauge(void *arg)
{
	return directory_failed(arg);
}

/* Every gauge, once: name, help, where it is read. */
static const struct {
	const char *name, *help;
	uint64_t (*read)(void *arg);
} gauges[] = {
	{"sessions", "Calls that hold a relay resource", sessions_gauge},
	{"calls_followed", "Answered calls that this proxy may have to end",
	 calls_gauge},
	{"requests_open", "Requests being forwarded", requests_gauge},
	{"nat_clients", "Bindings in the NAT client table", clients_gauge},
	{"nat_clients_marked", "Pinholes of clients found shut or silent",
	 marked_gauge},
	{"calls_held", "INVITEs waiting for a marked client", waiting_gauge},
	{"transactions", "Transactions, finished ones included",
	 transactions_gauge},
	{"connections", "Connections of streams that are open", conns_gauge},
	{"overload_refusing", "Of a thousand new calls, refused for overload",
	 refusing_gauge},
	{"limit_sources", "Sources whose messages are counted", sources_gauge},
	{"relays", "Relays known", relays_gauge},
	{"relays_usable", "Relays that new calls go to", relays_usable_gauge},
	{"redirect_avoided", "Redirectd asked last as they have failed",
	 redirect_avoided_gauge},
	{"names_known", "Answers of name servers that are kept", names_gauge},
	{"servers_avoided", "Servers of names left alone as they have failed",
	 avoided_gauge},
};

#define COUNT(defs) (sizeof(defs) / sizeof((defs)[0]))

static int add_counters(struct proxy *p)
{
	const struct {
		const struct metric_def *defs;
		size_t n;
		const uint64_t *values;
	} sets[] = {
		{counter_defs, COUNT(counter_defs), (const uint64_t *)&p->n},
		{txn_defs, COUNT(txn_defs),
		 (const uint64_t *)txns_counts(p->txns)},
		{transport_defs, COUNT(transport_defs),
		 (const uint64_t *)&p->wire},
		{refusing_defs, COUNT(refusing_defs),
		 (const uint64_t *)&p->refusing.n},
		{sipmsg_fault_defs, SIPMSG_FAULT_DEFS,
		 &p->refusing.faults.v[1]},
		{resolve_defs, COUNT(resolve_defs),
		 (const uint64_t *)locating_counts(p->locating)},
	};
	int err = 0;

	for (size_t i = 0; !err && i < COUNT(sets); i++)
		err = metrics_add_counters(p->metrics, sets[i].defs, sets[i].n,
					   sets[i].values);
	return err;
}

static void refresh(void *arg)
{
	struct proxy *p = arg;

	transports_counts(&p->wire, p->transports);
}

int measures_open(struct proxy *p)
{
	int e = metrics_alloc(&p->metrics, "proxyd");

	if (!e)
		e = add_counters(p);
	for (size_t i = 0; !e && i < COUNT(gauges); i++)
		e = metrics_add_gauge(p->metrics, gauges[i].name,
				      gauges[i].help, gauges[i].read, p);
	if (!e)
		metrics_refresh(p->metrics, refresh, p);
	return e;
}
