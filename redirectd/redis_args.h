#ifndef REDIRECTD_REDIS_ARGS_H
#define REDIRECTD_REDIS_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

/*
 * The words of one command, built without allocating: text is borrowed, numbers
 * and keys are kept inside. What does not fit is told by redis_args_err().
 */
enum { REDIS_ARGS_MAX = 160, REDIS_ARGS_TEXT = 48 * 1024 };

struct redis_args {
	int n;
	const char *v[REDIS_ARGS_MAX];
	size_t len[REDIS_ARGS_MAX];
	struct strbuf sb;
	char text[REDIS_ARGS_TEXT];
};

/*
 * All keys begin so; the braces keep them on one node of a cluster, where the
 * scripts need them together.
 */
#define REDIS_PREFIX  "{pinhole}:"
#define REDIS_RECORD  REDIS_PREFIX "c:"      /* ID: a client or an alias */
#define REDIS_USER    REDIS_PREFIX "u:"      /* ID: who may authenticate */
#define REDIS_SEEN    REDIS_PREFIX "seen"    /* client -> last binding's end */
#define REDIS_ENDS    REDIS_PREFIX "ends"    /* binding -> its end */
#define REDIS_USERS   REDIS_PREFIX "users"   /* the IDs of all users */
#define REDIS_ALIASES REDIS_PREFIX "aliases" /* the IDs of all aliases */
#define REDIS_SERVED  REDIS_PREFIX "served:" /* PROXY: clients, by name */
#define REDIS_SCHEMA  REDIS_PREFIX "schema"  /* what all this is */

void redis_args_init(struct redis_args *a);
void redis_args_add(struct redis_args *a, const char *str); /* borrowed */
void redis_args_bytes(struct redis_args *a, const char *p, size_t len);
void redis_args_num(struct redis_args *a, uint64_t value);
void redis_args_printf(struct redis_args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Put a number in place of word `at`. */
void redis_args_set(struct redis_args *a, int at, unsigned value);
int redis_args_err(const struct redis_args *a); /* 0 or -EMSGSIZE */

#endif
