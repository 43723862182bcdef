#include "common/watchdog.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/notify.h"

enum { USEC_PER_MS = 1000, SIGNS = 4 };

struct watchdog {
	uv_timer_t timer;
	bool late; /* the last sign of life was not given */
	watchdog_h *alive;
	void *arg;
};

/* A whole number, or 0. */
static uint64_t number(const char *text)
{
	char *end;
	unsigned long long n;

	if (!text || !isdigit((unsigned char)*text))
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno || *end ? 0 : n;
}

uint64_t watchdog_interval(const char *usec, const char *pid, bool heir)
{
	uint64_t ms = number(usec) / USEC_PER_MS / SIGNS;

	if (pid && !heir && number(pid) != (uint64_t)getpid())
		return 0;
	return number(usec) > 0 && ms == 0 ? 1 : ms;
}

static void on_turn(uv_timer_t *timer)
{
	struct watchdog *w = timer->data;
	bool late = w->alive && !w->alive(w->arg);

	if (late && !w->late)
		log_warn("a thread does not turn: no sign of life to the "
			 "service manager");
	w->late = late;
	if (!late)
		(void)notify_say("WATCHDOG=1");
}

int watchdog_start(struct watchdog **wp, uv_loop_t *loop, bool heir,
		   watchdog_h *alive, void *arg)
{
	uint64_t ms = watchdog_interval(getenv("WATCHDOG_USEC"),
					getenv("WATCHDOG_PID"), heir);
	struct watchdog *w;

	*wp = NULL;
	if (ms == 0)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->alive = alive;
	w->arg = arg;
	uv_timer_init(loop, &w->timer);
	w->timer.data = w;
	uv_timer_start(&w->timer, on_turn, ms, ms);
	*wp = w;
	return 0;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void watchdog_stop(struct watchdog *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->timer, on_closed);
}
