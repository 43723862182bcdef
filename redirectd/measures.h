#ifndef REDIRECTD_MEASURES_H
#define REDIRECTD_MEASURES_H

struct control;
struct dir_clock;
struct metrics;
struct redirectd_counters;
struct relays;
struct store;

/* What is measured. All is its owner's and outlives the metrics; the first two
 * may not be there yet. */
struct measures {
	struct store *const *store;
	struct control *const *control;
	struct relays *relays;
	const struct dir_clock *clock;
	const struct redirectd_counters *n;
};

/* Every counter and gauge of redirectd. `m` is kept by reference. 0 or -ENOMEM.
 */
int measures_start(struct metrics **mp, struct measures *m);

#endif
