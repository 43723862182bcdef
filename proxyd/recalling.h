#ifndef PROXYD_RECALLING_H
#define PROXYD_RECALLING_H

#include <stdbool.h>

struct proxy;
struct recalling;

/*
 * After the start: the directory is asked, page by page, for the bindings that
 * this proxy serves, so that the pinholes it kept before are kept again and its
 * calls find their way without a REGISTER of each phone (step 119). One
 * question is under way at a time; a directory that is away is asked again
 * until it is back. 0 or -ENOMEM.
 */
int recalling_start(struct recalling **rp, struct proxy *p);
void recalling_stop(struct recalling *r); /* NULL is fine */

/* Whether a Call-ID is that of these questions. */
bool recalling_owns(const struct recalling *r, const char *call_id);

#endif
