#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Counters are plain uint64_t fields of a struct that an X-macro list makes;
 * the same list gives their names and help lines:
 *
 *   #define FOO_COUNTERS(X) X(requests, "Requests received")
 *   struct foo_counters { FOO_COUNTERS(METRICS_FIELD) };
 *   static const struct metric_def foo_defs[] = {FOO_COUNTERS(METRICS_DEF)};
 */
#define METRICS_FIELD(name, help) uint64_t name;
#define METRICS_DEF(name, help)   {#name, help},

struct metric_def {
	const char *name;
	const char *help;
};

struct metrics;
typedef uint64_t metric_gauge_h(void *arg);

/* `prefix` is the daemon's name; every metric is PREFIX_NAME(_total). */
int metrics_alloc(struct metrics **mp, const char *prefix);
void metrics_free(struct metrics *m);

/* `values` points at n consecutive uint64_t that outlive `m`. */
int metrics_add_counters(struct metrics *m, const struct metric_def *defs,
			 size_t n, const uint64_t *values);
/* A gauge read when somebody asks. */
int metrics_add_gauge(struct metrics *m, const char *name, const char *help,
		      metric_gauge_h *fn, void *arg);

/* Called before each rendering, to bring counters up to date; one at most. */
typedef void metrics_refresh_h(void *arg);
void metrics_refresh(struct metrics *m, metrics_refresh_h *fn, void *arg);

/* The whole set in Prometheus text format 0.0.4, malloc'ed (caller frees);
 * NULL when out of memory. Also process_* metrics: resident bytes, CPU
 * seconds, open and maximum fds, start time. */
char *metrics_render(const struct metrics *m);

#endif
