#ifndef TESTS_UNIT_CONF_FIXTURE_H
#define TESTS_UNIT_CONF_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"

/* A configuration with a key of every type, and a file to load it from. */
struct sample {
	char *level;
	char *advertise;
	char *nowhere;
	int64_t workers;
	bool mux;
	struct conf_strings listen;
	struct conf_strings trusted;
	struct conf_range ports;
	char *address;
};

#define AT(member) offsetof(struct sample, member)

static const struct conf_key keys[] = {
	{"log", CONF_STRING, AT(level), "\"info\"", 0, 0, conf_check_log, true,
	 "lowest level"},
	{"advertise", CONF_STRING, AT(advertise), "\"\"", 0, 0, conf_check_ip,
	 false, "address to show"},
	{"nowhere", CONF_STRING, AT(nowhere), NULL, 0, 0, NULL, false,
	 "no default"},
	{"workers", CONF_INT, AT(workers), "2", 1, 64, NULL, true, "threads"},
	{"rtcp-mux", CONF_BOOL, AT(mux), "true", 0, 0, NULL, false, "RFC 5761"},
	{"listen", CONF_STRINGS, AT(listen), "[\"udp:127.0.0.1:5060\"]", 0, 0,
	 conf_check_listen, false, "where SIP is received"},
	{"trusted", CONF_STRINGS, AT(trusted), "[]", 0, 0, conf_check_cidr,
	 true, "the proxies"},
	{"media.ports", CONF_RANGE, AT(ports), "[30000, 39999]", 1024, 65535,
	 NULL, false, "relay ports"},
	{"media.address", CONF_STRING, AT(address), "\"127.0.0.1\"", 0, 0,
	 conf_check_ip, false, "relay address"},
};

enum { NKEYS = sizeof(keys) / sizeof(keys[0]) };

static char dir[] = "/tmp/test_conf.XXXXXX";
static char path[64];
static struct sample conf;
static char err[CONF_ERRLEN];

static inline void setup(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sample.json", dir);
	memset(&conf, 0, sizeof(conf));
}

static inline void teardown(void)
{
	conf_free(&conf, keys, NKEYS);
	unlink(path);
	rmdir(dir);
}

static inline int load_into(struct sample *out, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	return conf_load(out, keys, NKEYS, "sampled", path, err);
}

static inline int load(const char *text)
{
	return load_into(&conf, text);
}

/* What `fd` gets while calls() runs. */
static inline void capture(char *buf, size_t cap, int fd, void (*calls)(void))
{
	int fds[2];
	int saved = dup(fd);

	ck_assert_int_eq(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], fd);
	calls();
	fflush(stdout);
	dup2(saved, fd);
	close(saved);
	close(fds[1]);
	ssize_t n = read(fds[0], buf, cap - 1);

	close(fds[0]);
	ck_assert_int_ge(n, 0);
	buf[n] = '\0';
}

#endif
