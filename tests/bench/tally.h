/* The counting end of rtpload: rtptally.bpf.c on an interface. */
#ifndef TESTS_BENCH_TALLY_H
#define TESTS_BENCH_TALLY_H

#include <stdint.h>

#include "rtptally.h"

struct tally;

/* Loads the program in file `object` and attaches it where packets come in.
 * 0 or a negative errno; libbpf says why on stderr. */
int tally_open(struct tally **tp, const char *object, int ifindex);

/* The interface is as it was. NULL is fine. */
void tally_close(struct tally *t);

/* Counts are 0 from here, and only packets marked with `step` are counted. */
void tally_start(struct tally *t, uint32_t step);

/* As the program goes on counting. */
const struct rtptally *tally_counts(const struct tally *t);

/* Microseconds that `fraction` of the packets took at most. */
uint32_t tally_percentile(const struct tally *t, double fraction);

#endif
