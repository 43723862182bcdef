#ifndef COMMON_DOCTOR_ASK_H
#define COMMON_DOCTOR_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * A doctor's question in SIP to one peer, from a socket of its own, as the
 * daemon may be running on its port. It blocks, seconds at most.
 */
enum {
	DOCTOR_TOKEN_LEN = 17,
	DOCTOR_TEXT_MAX = 1400,
	DOCTOR_ANSWER_MAX = 8192,
	DOCTOR_PATIENCE_MS = 4000,
};

/* Addresses of the daemon, the first of each family: the ends it speaks over,
 * or the same as others see them. */
enum { DOCTOR_FAMILIES = 2 };
struct doctor_ends {
	struct addr v[DOCTOR_FAMILIES];
	size_t n;
};

/* One more, unless there is one of its family: whether it was added. */
bool doctor_ends_add(struct doctor_ends *e, const struct addr *a);
/* The one of the family of `to`; NULL: none. */
const struct addr *doctor_ends_for(const struct doctor_ends *e,
				   const struct addr *to);
/* Whether it is one of these, whatever the port. */
bool doctor_ends_have(const struct doctor_ends *e, const struct addr *a);

struct doctor_question {
	struct addr to, self;         /* the peer; the socket */
	int fd;                       /* -1: none, the error is in `err` */
	char token[DOCTOR_TOKEN_LEN]; /* the Call-ID has to begin with it */
	char text[DOCTOR_TEXT_MAX];   /* printed by the caller */
	size_t len;

	/* The answer: 0; -ETIMEDOUT (silence), -ECONNREFUSED (nobody listens
	 * there), -EAFNOSUPPORT (no end of that family), or another negative
	 * errno, as where there is no route. */
	int err;
	struct addr from; /* who answered */
	char answer[DOCTOR_ANSWER_MAX];
	size_t answer_len;
	/* On the wall clock, ms: first sent, and answered. The peer has seen
	 * the question between the two. */
	uint64_t asked_ms, answered_ms;
};

/*
 * Open the socket at the IP of the end of the peer's family (any port; where it
 * is a wildcard, the IP that leads to the peer) and choose the token. 0, or
 * -errno that is in q->err too.
 */
int doctor_open(struct doctor_question *q, const struct doctor_ends *ends,
		const struct addr *to);
void doctor_close(struct doctor_question *q);

/* Ask all of them at the same time; those with an error already are left alone.
 * What is no final answer is passed over. A question is repeated after 0.5, 1.5
 * and 3.5 s, given up after DOCTOR_PATIENCE_MS. */
void doctor_ask(struct doctor_question *const *v, size_t n);

/* A socket of that kind for something else: 0 or -errno. */
int doctor_socket(int *fd, struct addr *self, const struct doctor_ends *ends,
		  const struct addr *to);

/* Ms of the wall clock. */
uint64_t doctor_wall_ms(void);

#endif
