#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/doctor_sockets.h"

enum {
	LINE_MAX_LEN = 512,
	PATH_LEN = 320,
	STATE_LISTEN = 0x0a,
	V4_DIGITS = 8, /* an IPv4 address in hex */
	WORDS = 4,     /* an IPv6 one is printed in words of the host's order */
};

/* All sockets seen so far. */
struct list {
	struct doctor_bound *v;
	size_t n, cap;
};

static bool read_ip(struct addr *a, const char *hex, unsigned port)
{
	uint32_t word[WORDS];
	bool four = strlen(hex) == V4_DIGITS;

	if (!four && strlen(hex) != (size_t)V4_DIGITS * WORDS)
		return false;
	for (unsigned i = 0; i < (four ? 1U : WORDS); i++)
		if (sscanf(hex + (size_t)i * V4_DIGITS, "%8x", &word[i]) != 1)
			return false;
	if (four) {
		struct sockaddr_in in = {.sin_family = AF_INET};

		memcpy(&in.sin_addr, word, sizeof(in.sin_addr));
		in.sin_port = htons((uint16_t)port);
		return !addr_from_sa(a, (struct sockaddr *)&in);
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	memcpy(&in6.sin6_addr, word, sizeof(in6.sin6_addr));
	in6.sin6_port = htons((uint16_t)port);
	return !addr_from_sa(a, (struct sockaddr *)&in6);
}

bool doctor_sockets_line(struct doctor_bound *b, const char *line,
			 bool listening)
{
	char ip[V4_DIGITS * WORDS + 1];
	unsigned port, state;

	memset(b, 0, sizeof(*b));
	return sscanf(line,
		      " %*u: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x %*s %*s "
		      "%*s %*u %*d %lu",
		      ip, &port, &state, &b->inode) == 4 &&
	       (!listening || state == STATE_LISTEN) && b->inode &&
	       read_ip(&b->at, ip, port);
}

static int append(struct list *l, const struct doctor_bound *b)
{
	struct doctor_bound *v = l->v;

	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		v = realloc(v, l->cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		l->v = v;
	}
	l->v[l->n++] = *b;
	return 0;
}

static int read_table(struct list *l, const char *path, bool udp, uint16_t lo,
		      uint16_t hi)
{
	FILE *f = fopen(path, "re");
	char line[LINE_MAX_LEN];
	struct doctor_bound b;
	int err = 0;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!err && fgets(line, sizeof(line), f))
		if (doctor_sockets_line(&b, line, !udp) &&
		    addr_port(&b.at) >= lo && addr_port(&b.at) <= hi)
			err = append(l, &b);
	fclose(f);
	return err;
}

static int by_inode(const void *a, const void *b)
{
	const struct doctor_bound *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void read_name(char name[DOCTOR_OWNER_LEN], const char *pid)
{
	char path[PATH_LEN];
	FILE *f;

	*name = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(name, DOCTOR_OWNER_LEN, f))
		name[strcspn(name, "\n")] = '\0';
	fclose(f);
}

/* One open file of a process: is it one of the sockets? */
static void claim(struct list *l, const char *dir, const char *fd,
		  const char *pid)
{
	char path[PATH_LEN], to[64];
	struct doctor_bound key = {.inode = 0}, *b;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%.32s/%.16s", dir, fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n <= 0)
		return;
	to[n] = '\0';
	if (sscanf(to, "socket:[%lu]", &key.inode) != 1)
		return;
	b = bsearch(&key, l->v, l->n, sizeof(*l->v), by_inode);
	/* Process 1 may but keep it for a service (systemd's FDSTORE). */
	if (!b || b->pid > 1)
		return;
	b->pid = atoi(pid);
	read_name(b->owner, pid);
}

static void look_at(struct list *l, const char *pid)
{
	char dir[PATH_LEN];
	const struct dirent *e;
	DIR *d;

	(void)snprintf(dir, sizeof(dir), "/proc/%.16s/fd", pid);
	d = opendir(dir);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			claim(l, dir, e->d_name, pid);
	if (d)
		closedir(d);
}

static void find_owners(struct list *l)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;

	qsort(l->v, l->n, sizeof(*l->v), by_inode);
	while (d && (e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			look_at(l, e->d_name);
	if (d)
		closedir(d);
}

int doctor_sockets(struct doctor_bound **list, bool udp, uint16_t lo,
		   uint16_t hi)
{
	static const char *const tables[2][2] = {
		{"/proc/self/net/tcp", "/proc/self/net/tcp6"},
		{"/proc/self/net/udp", "/proc/self/net/udp6"},
	};
	struct list l = {NULL, 0, 0};
	int err = 0;

	for (size_t i = 0; !err && i < 2; i++)
		err = read_table(&l, tables[udp][i], udp, lo, hi);
	if (err) {
		free(l.v);
		return err;
	}
	if (l.n > 0)
		find_owners(&l);
	*list = l.v;
	return (int)l.n;
}
