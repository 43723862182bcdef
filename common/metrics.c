#include "common/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct counters {
	struct counters *next;
	const struct metric_def *defs;
	size_t n;
	const uint64_t *values;
};

struct gauge {
	struct gauge *next;
	const char *name;
	const char *help;
	metric_gauge_h *fn;
	void *arg;
};

/* Both lists in the order in which they were added. */
struct metrics {
	const char *prefix;
	double start_time; /* taken once: a clock step must not look a restart
			    */
	struct counters *counters, **last_counters;
	struct gauge *gauges, **last_gauge;
	metrics_refresh_h *refresh;
	void *refresh_arg;
};

struct process {
	double cpu_seconds;
	uint64_t resident_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
};

static void print_head(FILE *f, const char *name, const char *type,
		       const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_counters(FILE *f, const char *prefix,
			   const struct counters *c)
{
	char name[128];

	for (size_t i = 0; i < c->n; i++) {
		snprintf(name, sizeof(name), "%s_%s_total", prefix,
			 c->defs[i].name);
		print_head(f, name, "counter", c->defs[i].help);
		fprintf(f, "%s %" PRIu64 "\n", name, c->values[i]);
	}
}

static void print_gauge(FILE *f, const char *prefix, const struct gauge *g)
{
	char name[128];

	snprintf(name, sizeof(name), "%s_%s", prefix, g->name);
	print_head(f, name, "gauge", g->help);
	fprintf(f, "%s %" PRIu64 "\n", name, g->fn(g->arg));
}

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %" SCNu64, &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* proc(5): field 22 of stat, counted from behind the name's last ")". */
static double start_time(void)
{
	enum { FIELDS_AFTER_NAME = 20 };
	struct timespec now, up;
	char stat[1024] = "";
	FILE *f = fopen("/proc/self/stat", "re");

	if (!f)
		return 0;
	size_t len = fread(stat, 1, sizeof(stat) - 1, f);

	fclose(f);
	stat[len] = '\0';
	char *p = strrchr(stat, ')');

	for (int i = 0; p && i < FIELDS_AFTER_NAME; i++)
		p = strchr(p + 1, ' ');
	if (!p)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return (double)(now.tv_sec - up.tv_sec) +
	       (double)(now.tv_nsec - up.tv_nsec) / 1e9 +
	       strtod(p, NULL) / (double)sysconf(_SC_CLK_TCK);
}

/* Linux 6.2 gives the count as the directory's size; before it was zero. */
static uint64_t open_fds(void)
{
	struct stat st;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n - 1; /* the directory itself */
}

static void process_read(struct process *p)
{
	struct rlimit limit = {0};
	struct rusage use = {0};

	getrusage(RUSAGE_SELF, &use);
	getrlimit(RLIMIT_NOFILE, &limit);
	p->cpu_seconds =
		(double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	p->resident_bytes = resident_bytes();
	p->open_fds = open_fds();
	p->max_fds = limit.rlim_cur;
}

static void print_process(FILE *f, double started)
{
	struct process p;

	process_read(&p);
	print_head(f, "process_resident_memory_bytes", "gauge",
		   "Resident memory in bytes");
	fprintf(f, "process_resident_memory_bytes %" PRIu64 "\n",
		p.resident_bytes);
	print_head(f, "process_cpu_seconds_total", "counter",
		   "User and system CPU time spent in seconds");
	fprintf(f, "process_cpu_seconds_total %.6f\n", p.cpu_seconds);
	print_head(f, "process_open_fds", "gauge", "Open file descriptors");
	fprintf(f, "process_open_fds %" PRIu64 "\n", p.open_fds);
	print_head(f, "process_max_fds", "gauge",
		   "File descriptors that may be open");
	fprintf(f, "process_max_fds %" PRIu64 "\n", p.max_fds);
	print_head(f, "process_start_time_seconds", "gauge",
		   "When the process began, in seconds since 1970");
	fprintf(f, "process_start_time_seconds %.2f\n", started);
}

int metrics_alloc(struct metrics **mp, const char *prefix)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->prefix = prefix;
	m->start_time = start_time();
	m->last_counters = &m->counters;
	m->last_gauge = &m->gauges;
	*mp = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	while (m->counters) {
		struct counters *c = m->counters;

		m->counters = c->next;
		free(c);
	}
	while (m->gauges) {
		struct gauge *g = m->gauges;

		m->gauges = g->next;
		free(g);
	}
	free(m);
}

int metrics_add_counters(struct metrics *m, const struct metric_def *defs,
			 size_t n, const uint64_t *values)
{
	struct counters *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct counters){.defs = defs, .n = n, .values = values};
	*m->last_counters = c;
	m->last_counters = &c->next;
	return 0;
}

int metrics_add_gauge(struct metrics *m, const char *name, const char *help,
		      metric_gauge_h *fn, void *arg)
{
	struct gauge *g = malloc(sizeof(*g));

	if (!g)
		return -ENOMEM;
	*g = (struct gauge){.name = name, .help = help, .fn = fn, .arg = arg};
	*m->last_gauge = g;
	m->last_gauge = &g->next;
	return 0;
}

void metrics_refresh(struct metrics *m, metrics_refresh_h *fn, void *arg)
{
	m->refresh = fn;
	m->refresh_arg = arg;
}

char *metrics_render(const struct metrics *m)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	if (m->refresh)
		m->refresh(m->refresh_arg);
	for (const struct counters *c = m->counters; c; c = c->next)
		print_counters(f, m->prefix, c);
	for (const struct gauge *g = m->gauges; g; g = g->next)
		print_gauge(f, m->prefix, g);
	print_process(f, m->start_time);
	int failed = ferror(f);

	if (fclose(f) == EOF || failed) {
		free(text);
		return NULL;
	}
	return text;
}
