#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"
#include "common/table.h"
#include "redirectd/record.h"

#include "redirectd/redis_copy.h"

enum {
	COPIES_MIN = 64,  /* however little is to be kept */
	ABSENT_MAX = 1024 /* ids of which nothing is stored */
};

struct entry {
	struct redis_copied c;
	TAILQ_ENTRY(entry) link;
	struct entries *list;
	char *user_text; /* what c.user was read from */
	size_t user_len;
	char id[];
};

TAILQ_HEAD(entries, entry);

struct redis_copy {
	struct table *table;
	size_t max;
	struct entries present; /* the one looked at last is the last */
	struct entries absent;
	size_t nabsent;
};

int redis_copy_alloc(struct redis_copy **cp, size_t max)
{
	struct redis_copy *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->max = max < COPIES_MIN ? COPIES_MIN : max;
	TAILQ_INIT(&c->present);
	TAILQ_INIT(&c->absent);
	if (table_alloc(&c->table, c->max + ABSENT_MAX + 1)) {
		free(c);
		return -ENOMEM;
	}
	*cp = c;
	return 0;
}

static void drop_record(struct entry *e)
{
	free(e->c.v);
	free(e->c.of);
	e->c.v = NULL;
	e->c.of = NULL;
	e->c.n = 0;
	e->c.kind = REDIS_NONE;
	e->c.rev[0] = '\0';
}

static void drop_user(struct entry *e)
{
	free(e->c.user);
	free(e->user_text);
	e->c.user = NULL;
	e->user_text = NULL;
	e->user_len = 0;
	e->c.user_broken = false;
}

static void entry_free(void *value)
{
	struct entry *e = value;

	drop_record(e);
	drop_user(e);
	free(e);
}

void redis_copy_free(struct redis_copy *c)
{
	if (!c)
		return;
	table_free_values(c->table, entry_free);
	free(c);
}

static void unlink_entry(struct redis_copy *c, struct entry *e)
{
	if (!e->list)
		return;
	TAILQ_REMOVE(e->list, e, link);
	c->nabsent -= e->list == &c->absent;
	e->list = NULL;
}

static void forget(struct redis_copy *c, struct entry *e)
{
	unlink_entry(c, e);
	(void)table_del(c->table, e->id, strlen(e->id));
	entry_free(e);
}

/* At the end of the list that it belongs to now, which is kept short. */
static void file_entry(struct redis_copy *c, struct entry *e)
{
	bool absent =
		e->c.kind == REDIS_NONE && !e->c.user && !e->c.user_broken;

	unlink_entry(c, e);
	e->list = absent ? &c->absent : &c->present;
	TAILQ_INSERT_TAIL(e->list, e, link);
	c->nabsent += absent;
	if (c->nabsent > ABSENT_MAX)
		forget(c, TAILQ_FIRST(&c->absent));
	if (table_count(c->table) - c->nabsent > c->max)
		forget(c, TAILQ_FIRST(&c->present));
}

static struct entry *find(const struct redis_copy *c, const char *id)
{
	return table_get(c->table, id, strlen(id));
}

static struct entry *find_or_add(struct redis_copy *c, const char *id)
{
	size_t len = strlen(id);
	struct entry *e = find(c, id);

	if (e)
		return e;
	e = calloc(1, sizeof(*e) + len + 1);
	if (!e)
		return NULL;
	memcpy(e->id, id, len + 1);
	e->c.id = e->id;
	if (table_put(c->table, id, len, e)) {
		free(e);
		return NULL;
	}
	return e;
}

struct redis_copied *redis_copy_get(struct redis_copy *c, const char *id)
{
	struct entry *e = find(c, id);

	if (!e)
		return NULL;
	TAILQ_REMOVE(e->list, e, link);
	TAILQ_INSERT_TAIL(e->list, e, link);
	return &e->c;
}

void redis_copy_forget(struct redis_copy *c, const char *id)
{
	struct entry *e = find(c, id);

	if (e)
		forget(c, e);
}

static int read_client(struct entry *e, const json_t *j)
{
	struct record_client rec;

	if (record_client(&rec, j) || strcmp(rec.id, e->id))
		return -EBADMSG;
	e->c.v = rec.n ? binding_copy(rec.v, rec.n) : NULL;
	if (rec.n && !e->c.v)
		return -ENOMEM;
	e->c.n = rec.n;
	e->c.kind = REDIS_CLIENT;
	return 0;
}

static int read_alias(struct entry *e, const json_t *j)
{
	const char *id, *of;

	if (record_alias(&id, &of, j) || strcmp(id, e->id))
		return -EBADMSG;
	e->c.of = strdup(of);
	if (!e->c.of)
		return -ENOMEM;
	e->c.kind = REDIS_ALIAS;
	return 0;
}

static int read_record(struct entry *e, const struct redis_value *v)
{
	enum record_kind kind;
	json_t *j = redis_value_record(v);
	int err = -EBADMSG;

	if (j && !record_kind(&kind, j)) {
		if (kind == RECORD_CLIENT)
			err = read_client(e, j);
		else if (kind == RECORD_ALIAS)
			err = read_alias(e, j);
	}
	json_decref(j);
	return err;
}

static void say_broken(const char *id, const char *what)
{
	log_error("the directory holds a record that redirectd never wrote: "
		  "restore or delete it",
		  LOG_S("client", id), LOG_S("record", what));
}

/* The same revision is the same record. */
static int take_record(struct entry *e, const struct redis_value *v)
{
	bool was_broken = e->c.kind == REDIS_BROKEN;
	int err;

	if (v->p && v->len > REDIS_REV_LEN && *e->c.rev &&
	    !memcmp(v->p, e->c.rev, REDIS_REV_LEN))
		return 0;
	drop_record(e);
	if (!v->p)
		return 0;
	err = read_record(e, v);
	if (err == -EBADMSG) {
		drop_record(e);
		e->c.kind = REDIS_BROKEN;
		if (!was_broken)
			say_broken(e->id, "client or alias");
		return 0;
	}
	memcpy(e->c.rev, v->p, REDIS_REV_LEN);
	e->c.rev[REDIS_REV_LEN] = '\0';
	return err;
}

static int read_user(struct entry *e, const struct redis_value *v)
{
	json_t *j = record_parse(v->p, v->len);
	const char *id = "";
	int err = -ENOMEM;

	e->c.user = malloc(sizeof(*e->c.user));
	if (e->c.user)
		err = record_user(&id, e->c.user, j);
	if (!err && strcmp(id, e->id))
		err = -EBADMSG;
	json_decref(j);
	return err;
}

static int take_user(struct entry *e, const struct redis_value *v)
{
	bool was_broken = e->c.user_broken;
	int err;

	if (v->p && e->user_text && v->len == e->user_len &&
	    !memcmp(v->p, e->user_text, v->len))
		return 0;
	drop_user(e);
	if (!v->p)
		return 0;
	err = read_user(e, v);
	if (err == -EBADMSG) {
		drop_user(e);
		e->c.user_broken = true;
		if (!was_broken)
			say_broken(e->id, "user");
		return 0;
	}
	if (!err)
		e->user_text = malloc(v->len);
	if (!e->user_text)
		return -ENOMEM;
	memcpy(e->user_text, v->p, v->len);
	e->user_len = v->len;
	return 0;
}

int redis_copy_take(struct redis_copy *c, const char *id, uint64_t asked,
		    const struct redis_value *record,
		    const struct redis_value *user)
{
	struct entry *e = user ? find_or_add(c, id) : find(c, id);
	int err;

	if (!e)
		return user ? -ENOMEM : 0;
	err = take_record(e, record);
	if (!err && user)
		err = take_user(e, user);
	if (err) {
		forget(c, e);
		return err;
	}
	if (user)
		e->c.asked = asked;
	file_entry(c, e);
	return 0;
}

/* Those that live are put before the others. */
void redis_copy_client(struct client *out, struct redis_copied *e, dir_time now)
{
	size_t i, n = 0;

	for (i = 0; i < e->n; i++) {
		if (e->v[i].expires <= now)
			continue;
		if (i > n) {
			struct binding b = e->v[n];

			e->v[n] = e->v[i];
			e->v[i] = b;
		}
		n++;
	}
	*out = (struct client){.id = e->id, .n = n, .v = e->v};
}

int redis_copy_apply(struct redis_copy *c, dir_time now,
		     int (*fn)(const struct client *, void *), void *arg)
{
	struct entry *e = TAILQ_FIRST(&c->present);
	struct client client;
	int err = 0;

	for (; e && !err; e = TAILQ_NEXT(e, link)) {
		if (e->c.kind != REDIS_CLIENT)
			continue;
		redis_copy_client(&client, &e->c, now);
		err = fn(&client, arg);
	}
	return err;
}
