#include "common/metrics.h"
#include "redirectd/clock.h"
#include "redirectd/control.h"
#include "redirectd/counters.h"
#include "redirectd/relays.h"
#include "redirectd/store.h"

#include "redirectd/measures.h"

static const struct metric_def counters[] = {REDIRECTD_COUNTERS(METRICS_DEF)};

/* As it is now, and not as it was at the last request. */
static struct store_counts counts(const void *arg)
{
	const struct measures *m = arg;

	if (!*m->store)
		return (struct store_counts){0};
	store_run(*m->store, dir_clock_now(m->clock));
	return store_counts(*m->store);
}

static uint64_t clients(void *arg)
{
	return counts(arg).clients;
}

static uint64_t contacts(void *arg)
{
	return counts(arg).contacts;
}

static uint64_t known(void *arg)
{
	return counts(arg).known;
}

static uint64_t users(void *arg)
{
	return counts(arg).users;
}

static uint64_t store_up(void *arg)
{
	return counts(arg).up;
}

static uint64_t waiting(void *arg)
{
	const struct measures *m = arg;

	return *m->control ? control_waiting(*m->control) : 0;
}

static uint64_t relays(void *arg)
{
	const struct measures *m = arg;

	return relays_count(m->relays, dir_clock_now(m->clock));
}

static const struct {
	const char *name, *help;
	metric_gauge_h *fn;
} gauges[] = {
	{"clients", "Client ids registered now", clients},
	{"contacts", "Bindings of all clients", contacts},
	{"known", "Client ids remembered, registered or not", known},
	{"users", "Client ids with a password", users},
	{"relays", "Relays in the pool", relays},
	{"store_up", "1: the store takes changes; 0: it is away or full",
	 store_up},
	{"waiting", "Requests that wait for the store", waiting},
};

int measures_start(struct metrics **mp, struct measures *m)
{
	int err = metrics_alloc(mp, "redirectd");

	if (!err)
		err = metrics_add_counters(
			*mp, counters, sizeof(counters) / sizeof(counters[0]),
			(const uint64_t *)m->n);
	for (size_t i = 0; !err && i < sizeof(gauges) / sizeof(gauges[0]); i++)
		err = metrics_add_gauge(*mp, gauges[i].name, gauges[i].help,
					gauges[i].fn, m);
	return err;
}
