#ifndef TESTS_UNIT_TORTURE_H
#define TESTS_UNIT_TORTURE_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The torture corpus, tests/torture/README.md: each file is one message, and
 * what has to come of it.
 */
#define TORTURE_FOLDER "tests/torture/"

enum { TORTURE_MAX = 1 << 16, TORTURE_FILES = 200 };

struct torture {
	char *text; /* the file; what follows lies in it */
	char *data; /* the message, unescaped */
	size_t len;
};

/* What a line that begins with "@" in a response stands for. */
static const char *const torture_shared[][2] = {
	{"@Via", "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKp\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKc\r\n"},
	{"@From", "From: <sip:alice@example.com>;tag=a\r\n"},
	{"@To", "To: <sip:bob@example.com>;tag=b\r\n"},
	{"@Call-ID", "Call-ID: torture\r\n"},
	{"@CSeq", "CSeq: 1 INVITE\r\n"},
};

static inline size_t torture_hex(const char *p)
{
	char digits[3] = {p[0], p[1], '\0'};

	return strtoul(digits, NULL, 16);
}

/* One line of the message, up to its LF, which becomes CRLF. */
static inline size_t torture_line(char *out, const char *p, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\\')
			out[len++] = p[i];
		else if (i + 1 == n)
			return len; /* the line goes on without an end */
		else if (p[++i] == 'x' && i + 2 < n + 0)
			out[len++] = (char)torture_hex(p + i + 1), i += 2;
		else
			out[len++] = p[i];
	}
	memcpy(out + len, "\r\n", 2);
	return len + 2;
}

static inline size_t torture_shared_line(char *out, const char *p, size_t n)
{
	const size_t all = sizeof(torture_shared) / sizeof(*torture_shared);

	for (size_t i = 0; i < all; i++) {
		const char *const *s = torture_shared[i];

		if (strlen(s[0]) == n && !memcmp(s[0], p, n)) {
			memcpy(out, s[1], strlen(s[1]));
			return strlen(s[1]);
		}
	}
	ck_abort_msg("no such line: %.*s", (int)n, p);
	return 0;
}

static inline void torture_unescape(struct torture *t, const char *p)
{
	t->data = malloc(2 * strlen(p) + 1024);
	t->len = 0;
	while (*p) {
		size_t n = strcspn(p, "\n");
		char *out = t->data + t->len;

		t->len += *p == '@' ? torture_shared_line(out, p, n)
				    : torture_line(out, p, n);
		p += n + (p[n] == '\n');
	}
}

static inline void torture_load(struct torture *t, const char *name)
{
	char path[512];
	char *split;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), TORTURE_FOLDER "%s", name);
	f = fopen(path, "rb");
	ck_assert_msg(f, "%s: not there", path);
	t->text = calloc(1, TORTURE_MAX);
	n = fread(t->text, 1, TORTURE_MAX - 1, f);
	(void)fclose(f);
	ck_assert_uint_gt(n, 0);
	split = strstr(t->text, "\n----\n");
	ck_assert_msg(split, "%s: no ----", path);
	split[1] = '\0';
	torture_unescape(t, split + 6);
}

static inline void torture_drop(struct torture *t)
{
	free(t->text);
	free(t->data);
}

/* The value of a key of the file's head into buf; "" where it has none. */
static inline const char *torture_value(char buf[256], const struct torture *t,
					const char *key)
{
	const char *p = t->text;
	size_t n = strlen(key);

	buf[0] = '\0';
	for (; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		if (strncmp(p, key, n) != 0 || p[n] != ':')
			continue;
		(void)snprintf(buf, 256, "%.*s", (int)strcspn(p + n + 2, "\n"),
			       p + n + 2);
		break;
	}
	return buf;
}

/* The names of all files into names, allocated; how many (0: not run from the
 * top of the repository). */
static inline int torture_files(char *names[TORTURE_FILES])
{
	DIR *dir = opendir(TORTURE_FOLDER);
	int n = 0;

	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir));) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot && !strcmp(dot, ".sip") && n < TORTURE_FILES)
			names[n++] = strdup(e->d_name);
	}
	(void)closedir(dir);
	return n;
}

#endif
