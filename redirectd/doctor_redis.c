#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "common/doctor_ask.h"
#include "proto/checkup.h"
#include "redirectd/redis_url.h"

#include "redirectd/doctor.h"

enum { VALUE_LEN = 64, PATIENCE_S = 3 };

/* The value of a line "name:value"; "" where there is none. */
static const char *value_of(char value[VALUE_LEN], const char *info,
			    const char *name)
{
	size_t len = strlen(name), n;

	*value = '\0';
	for (const char *line = info; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		n = strcspn(line + len + 1, "\r\n");
		n = n < VALUE_LEN ? n : VALUE_LEN - 1;
		memcpy(value, line + len + 1, n);
		value[n] = '\0';
		break;
	}
	return value;
}

static void judge_eviction(struct findings *f, const char *name,
			   const char *info)
{
	static const char advice[] =
		"redis.conf: maxmemory-policy noeviction, and enough memory";
	char policy[VALUE_LEN], max[VALUE_LEN];

	(void)value_of(max, info, "maxmemory");
	(void)value_of(policy, info, "maxmemory_policy");
	if (!*policy || !strcmp(policy, "noeviction"))
		return;
	if (*max && strcmp(max, "0") != 0)
		findings_add(f, FINDING_FAIL, "store", advice,
			     "%s forgets clients when its memory is full: "
			     "maxmemory-policy is %s",
			     name, policy);
	else
		findings_add(f, FINDING_WARN, "store", advice,
			     "%s would forget clients, had it a maxmemory: "
			     "maxmemory-policy is %s",
			     name, policy);
}

static void judge_keeping(struct findings *f, const char *name,
			  const char *info)
{
	char value[VALUE_LEN];

	if (!strcmp(value_of(value, info, "role"), "slave"))
		findings_add(f, FINDING_FAIL, "store",
			     "name the one that is written to",
			     "%s is a replica, and takes no registrations",
			     name);
	if (!strcmp(value_of(value, info, "aof_enabled"), "0"))
		findings_add(f, FINDING_WARN, "store",
			     "redis.conf: appendonly yes",
			     "%s forgets what is new when it is restarted: "
			     "appendonly is off",
			     name);
}

/* Redis itself goes by our clock, not by its own. But it is what several
 * redirectd have in common: who is far from it is far from those who are
 * not. */
static void judge_clock(struct findings *f, const char *name,
			const struct doctor_redis_says *s)
{
	uint64_t off = s->server_ms > s->answered_ms
			       ? s->server_ms - s->answered_ms
		       : s->server_ms < s->asked_ms ? s->asked_ms - s->server_ms
						    : 0;

	if (off <= CHECKUP_CLOCK_WARN_MS)
		return;
	findings_add(f, FINDING_WARN, "clock",
		     "run an NTP client on both (chrony, systemd-timesyncd)",
		     "the clock of %s is %.1f s %s ours: redirectd that "
		     "disagree take each other's registrations for expired",
		     name, (double)off / 1000.0,
		     s->server_ms > s->answered_ms ? "ahead of" : "behind");
}

void doctor_redis_judge(struct findings *f, const char *name,
			const struct doctor_redis_says *s)
{
	judge_eviction(f, name, s->info);
	judge_keeping(f, name, s->info);
	judge_clock(f, name, s);
}

static redisContext *connect_to(const struct redis_url *u)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	redisContext *c =
		*u->path ? redisConnectUnixWithTimeout(u->path, patience)
			 : redisConnectWithTimeout(u->host, u->port, patience);

	if (c && !c->err)
		(void)redisSetTimeout(c, patience);
	return c;
}

static bool log_in(redisContext *c, const struct redis_url *u)
{
	redisReply *r;
	bool good;

	if (!*u->password)
		return true;
	r = *u->user ? redisCommand(c, "AUTH %s %s", u->user, u->password)
		     : redisCommand(c, "AUTH %s", u->password);
	good = r && r->type == REDIS_REPLY_STATUS;
	freeReplyObject(r);
	return good;
}

static uint64_t time_of(const redisReply *r)
{
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    !r->element[0]->str || !r->element[1]->str)
		return 0;
	return strtoull(r->element[0]->str, NULL, 10) * 1000 +
	       strtoull(r->element[1]->str, NULL, 10) / 1000;
}

/* What cannot be asked, by rights or because it is away, is left out: that it
 * is away is told by who opens the store. */
static void interview(const struct doctor *d, redisContext *c, const char *name)
{
	struct doctor_redis_says says = {.asked_ms = doctor_wall_ms()};
	redisReply *clock = redisCommand(c, "TIME"), *info;

	says.answered_ms = doctor_wall_ms();
	says.server_ms = time_of(clock);
	freeReplyObject(clock);
	info = c->err ? NULL : redisCommand(c, "INFO");
	if (says.server_ms && info && info->type == REDIS_REPLY_STRING) {
		says.info = info->str;
		doctor_redis_judge(d->f, name, &says);
	}
	freeReplyObject(info);
}

void doctor_redis(const struct doctor *d, const struct redis_url *url)
{
	redisContext *c = connect_to(url);

	if (c && !c->err && log_in(c, url))
		interview(d, c, url->name);
	redisFree(c);
}
