#ifndef COMMON_ASK_CALL_H
#define COMMON_ASK_CALL_H

#include "common/ask.h"

/*
 * What a daemon knows of one call: `q->value` is its Call-ID, or the beginning
 * of one that no other call has, as a listing shows it where it had to cut it.
 * What begins so is looked for among the calls that the daemon traces. As
 * ask().
 */
int ask_call(json_t **out, const struct ask *q, char err[CONF_ERRLEN]);

#endif
