#ifndef RELAYD_SNAPSHOT_FIELD_H
#define RELAYD_SNAPSHOT_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "relayd/learn_policy.h"

struct figures;
struct learn;

/*
 * Single fields of a snapshot, written into and read from a JSON object. Of
 * those read, a missing one is its default (zero, none, false), one of another
 * type or out of range is noted in the reader, and all go on.
 */
struct snapshot_reader {
	const json_t *at;
	uint64_t now;     /* when it was written, which ages are of */
	uint64_t present; /* when it is read */
	const char *bad;  /* the first field that was; NULL: all good */
};

void field_put_addr(json_t *to, const char *key, const struct addr *a);
/* A time as its age at `now`; 0, which is never, is left out. */
void field_put_age(json_t *to, const char *key, uint64_t t, uint64_t now);
void field_put_count(json_t *to, const char *key, uint64_t n);
void field_put_flag(json_t *to, const char *key, bool on);
/* Any bytes, as the code points of Latin-1; NULL is left out. */
void field_put_text(json_t *to, const char *key, const char *text);
void field_put_bytes(json_t *to, const char *key, const void *data, size_t len);

struct addr field_addr(struct snapshot_reader *r, const char *key);
uint64_t field_age(struct snapshot_reader *r, const char *key);
uint64_t field_count(struct snapshot_reader *r, const char *key, uint64_t max);
bool field_flag(struct snapshot_reader *r, const char *key);
/* Into *room, which is moved on behind its NUL: one byte for each character of
 * the text at most. NULL where there is none. */
const char *field_text(struct snapshot_reader *r, const char *key, char **room);
/* How much room that needs. */
size_t field_room(const struct snapshot_reader *r, const char *key);
/* Exactly `len` bytes; false: not there, or not so many. */
bool field_bytes(void *to, size_t len, const struct snapshot_reader *r,
		 const char *key);

/* A reader of the object under a key; one of nothing where there is none. */
struct snapshot_reader field_object(const struct snapshot_reader *r,
				    const char *key);
void field_close(struct snapshot_reader *r, const struct snapshot_reader *sub);

/* snapshot_learn.c: the state of learning. */
void snapshot_put_learn(json_t *to, const struct learn *l, uint64_t now);
enum learn_policy snapshot_read_policy(struct snapshot_reader *r);
void snapshot_read_learn(struct learn *l, struct snapshot_reader *r);

/* snapshot_figures.c: figures as bytes, of this very build's layout. */
void snapshot_put_figures(json_t *to, const struct figures *f);
bool snapshot_read_figures(struct figures *f, const struct snapshot_reader *r);

#endif
