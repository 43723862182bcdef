#include "common/advice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/addr.h"
#include "common/channel.h"
#include "common/conf.h"
#include "common/findings.h"
#include "common/udp.h"

/* The file's first line, or "". */
static void read_line(char buf[ADVICE_TEXT_MAX], const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(buf, ADVICE_TEXT_MAX, f))
		*buf = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (f)
		fclose(f);
}

static int64_t number(const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	return end == text || errno || n < 0 ? -1 : n;
}

static int64_t read_number(const char *path)
{
	char line[ADVICE_TEXT_MAX];

	read_line(line, path);
	return number(line);
}

void advice_read(struct advice_host *h)
{
	char range[ADVICE_TEXT_MAX];
	struct rlimit files;

	h->rmem_max = read_number("/proc/sys/net/core/rmem_max");
	h->wmem_max = read_number("/proc/sys/net/core/wmem_max");
	h->backlog = read_number("/proc/sys/net/core/netdev_max_backlog");
	read_line(range, "/proc/sys/net/ipv4/ip_local_port_range");
	h->local_lo = number(range);
	h->local_hi = number(range + strcspn(range, "\t "));
	read_line(h->reserved, "/proc/sys/net/ipv4/ip_local_reserved_ports");
	h->files = getrlimit(RLIMIT_NOFILE, &files)
			   ? -1
			   : (files.rlim_max > INT64_MAX
				      ? INT64_MAX
				      : (int64_t)files.rlim_max);
}

static void buffer(struct findings *f, const char *name, int64_t has)
{
	if (has < 0)
		return;
	if (has >= UDP_BUFFER)
		findings_add(f, FINDING_OK, "buffers", NULL,
			     "net.core.%s = %" PRId64, name, has);
	else
		findings_add(f, FINDING_WARN, "buffers",
			     "messages are lost in a burst without it, where "
			     "the daemon has no CAP_NET_ADMIN",
			     "net.core.%s is %" PRId64 ", set net.core.%s = %d",
			     name, has, name, UDP_BUFFER);
}

void advice_buffers(struct findings *f, const struct advice_host *h)
{
	buffer(f, "rmem_max", h->rmem_max);
	buffer(f, "wmem_max", h->wmem_max);
}

void advice_backlog(struct findings *f, const struct advice_host *h)
{
	if (h->backlog >= 0 && h->backlog < ADVICE_BACKLOG)
		findings_add(f, FINDING_WARN, "backlog",
			     "packets are lost in a burst without it",
			     "net.core.netdev_max_backlog is %" PRId64
			     ", set net.core.netdev_max_backlog = %d",
			     h->backlog, ADVICE_BACKLOG);
	else if (h->backlog >= 0)
		findings_add(f, FINDING_OK, "backlog", NULL,
			     "net.core.netdev_max_backlog = %" PRId64,
			     h->backlog);
}

/* Whether a list like "5060,30000-39999", ascending, has all of lo to hi. */
static bool is_reserved(const char *list, int64_t lo, int64_t hi)
{
	while (*list && lo <= hi) {
		char *end;
		long from = strtol(list, &end, 10), to = from;

		if (*end == '-')
			to = strtol(end + 1, &end, 10);
		if (from <= lo && lo <= to)
			lo = to + 1;
		list = end + strcspn(end, ",");
		list += *list == ',';
	}
	return lo > hi;
}

void advice_ports(struct findings *f, const struct advice_host *h,
		  const char *key, uint16_t lo, uint16_t hi)
{
	int64_t from = lo > h->local_lo ? lo : h->local_lo;
	int64_t to = hi < h->local_hi ? hi : h->local_hi;
	char own[16];

	if (h->local_lo < 0 || h->local_hi < 0)
		return;
	if (lo == hi)
		(void)snprintf(own, sizeof(own), "%u", lo);
	else
		(void)snprintf(own, sizeof(own), "%u-%u", lo, hi);
	if (from > to || is_reserved(h->reserved, from, to))
		findings_add(f, FINDING_OK, "ports", NULL,
			     "%s %s: no other program gets them by chance", key,
			     own);
	else
		findings_add(
			f, FINDING_WARN, "ports",
			"another program may get one of them by chance, "
			"and then it cannot be opened here",
			"%s %s overlaps ip_local_port_range %" PRId64
			"-%" PRId64
			", set net.ipv4.ip_local_reserved_ports = %.*s%s%s",
			key, own, h->local_lo, h->local_hi, 160, h->reserved,
			*h->reserved ? "," : "", own);
}

void advice_listen(struct findings *f, const struct advice_host *h,
		   const char *listen)
{
	struct channel c;

	/* else the start says what is wrong with it */
	if (!conf_listen_channel(&c, listen))
		advice_ports(f, h, "listen", addr_port(&c.addr),
			     addr_port(&c.addr));
}

void advice_files(struct findings *f, const struct advice_host *h,
		  const char *key, size_t need)
{
	if (h->files >= 0 && (uint64_t)h->files < need)
		findings_add(f, FINDING_WARN, "files",
			     "calls are refused when they run out: raise "
			     "LimitNOFILE= of the unit, or ulimit -Hn",
			     "%s needs %zu open files, the limit is %" PRId64,
			     key, need, h->files);
	else if (h->files >= 0)
		findings_add(f, FINDING_OK, "files", NULL,
			     "%s needs %zu open files of %" PRId64, key, need,
			     h->files);
}
