#ifndef COMMON_WATCHDOG_H
#define COMMON_WATCHDOG_H

#include <stdbool.h>
#include <uv.h>

/*
 * Tells the service manager that the daemon turns (WATCHDOG=1, sd_notify(3)),
 * four times in the time after which it would take it for stuck, end it and
 * start it again ($WATCHDOG_USEC, sd_watchdog_enabled(3)): one that is late is
 * no death.
 */
struct watchdog;

/* Asked each time, from the loop, whether what is beside the loop turns too. */
typedef bool watchdog_h(void *arg);

/*
 * `alive` may be NULL. `heir`: this process has taken the place of the one that
 * the service manager started, so that $WATCHDOG_PID is another's. 0, with NULL
 * in *wp where nobody wants to know; -ENOMEM.
 */
int watchdog_start(struct watchdog **wp, uv_loop_t *loop, bool heir,
		   watchdog_h *alive, void *arg);

/* It is freed when the loop has closed its timer. NULL is fine. */
void watchdog_stop(struct watchdog *w);

/* How many ms there are between two signs of life, by the two variables (NULL:
 * not set); 0: none are wanted. */
uint64_t watchdog_interval(const char *usec, const char *pid, bool heir);

#endif
