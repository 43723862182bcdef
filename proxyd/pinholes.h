#ifndef PROXYD_PINHOLES_H
#define PROXYD_PINHOLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct deadlines;
struct pinholes;

/*
 * Send what keeps a pinhole open. `target` is the URI of a phone behind it. A
 * marked one is to be asked something that wants an answer. Returns whether an
 * answer is owed.
 */
typedef bool pinholes_send_h(const struct channel *at, const char *target,
			     bool marked, void *arg);

/* A pinhole has been marked, or something came through a marked one. */
enum pinholes_news { PINHOLES_MARKED, PINHOLES_HEARD };
typedef void pinholes_news_h(const struct channel *at, enum pinholes_news what,
			     const char *why, void *arg);

struct pinholes_config {
	struct deadlines *deadlines; /* run by the owner, outlives the table */
	size_t max;
	uint32_t interval_ms; /* between two keepalives; 0: none are sent */
	unsigned misses;      /* in a row that mark one; 0: none does */
	uint64_t (*now)(void *arg); /* of a keepalive's turn */
	pinholes_send_h *send;
	pinholes_news_h *news;
	void *arg;
};

/*
 * The pinholes through which clients are reached, each found by its channel,
 * each kept open as long as a client uses it (seed 004, text at steps 44 and
 * 100). Every pinhole has its own moment of the interval, from a keyed hash of
 * its channel, and is served at that moment of every interval: however many
 * come at one time, and however late a turn is, they stay spread. Times are
 * milliseconds of the deadlines' clock.
 *
 * One that stops answering is marked; one that never answered anything is not,
 * as many phones take a keepalive in silence.
 */
int pinholes_alloc(struct pinholes **pp, const struct pinholes_config *cfg);
void pinholes_free(struct pinholes *p);

/*
 * One more client uses the pinhole at `at`; the connection of a stream is the
 * one named there, or the one it was last heard on where none is. `soon`: it
 * may be about to shut (after a restart), so the first keepalive comes within a
 * quarter of the interval. 0, -ENOSPC, -ENOMEM.
 */
int pinholes_open(struct pinholes *p, const struct channel *at,
		  const char *target, uint64_t now, bool soon);

/* One client fewer; after the last the pinhole is forgotten. */
void pinholes_close(struct pinholes *p, const struct channel *at);

/* Something came from there at `now`, which may be the `answer` to a keepalive:
 * it is open, and no longer marked. False: no client of ours is there. */
bool pinholes_heard(struct pinholes *p, const struct channel *at, bool answer,
		    uint64_t now);

/* It was found shut. `why` is for the log. */
void pinholes_mark(struct pinholes *p, const struct channel *at,
		   const char *why);

/* The same for the connection that is gone, but not for a newer one from
 * there. */
void pinholes_gone(struct pinholes *p, const struct channel *at,
		   const char *why);

bool pinholes_marked(const struct pinholes *p, const struct channel *at);

/* Ask now whether it is open, unless an answer is awaited already. */
void pinholes_probe(struct pinholes *p, const struct channel *at, uint64_t now);

/* The channel with the connection that is up, where there is one: from `at`
 * into *at. False: no such pinhole. */
bool pinholes_channel(struct channel *at, const struct pinholes *p);

/* When it was last heard; 0: never, or no such pinhole. */
uint64_t pinholes_last_heard(const struct pinholes *p,
			     const struct channel *at);

size_t pinholes_count(const struct pinholes *p);
size_t pinholes_count_marked(const struct pinholes *p);

#endif
