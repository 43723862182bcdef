#include <string.h>

#include "relayd/snapshot.h"
#include "tests/fuzz/fuzz.h"

/*
 * A snapshot as it may stand in a table that something else wrote to. One that
 * is taken has everything in range, and is the same once written and read
 * again.
 */
enum { NOW = 5000000 };

static void check_line(const struct snapshot_line *l)
{
	struct figures_line figures;

	for (unsigned k = 0; k < LEARN_SIDES; k++)
		figures_read(&figures, &l->figures, (enum learn_side)k);
	MUST(l->port && l->port % 2 == 0);
	MUST(l->line < SDP_MEDIA_MAX);
	MUST(memchr(l->type, '\0', sizeof(l->type)));
	for (unsigned i = 0; i < STREAM_PARTS; i++) {
		for (unsigned k = 0; k < LEARN_SIDES; k++) {
			const struct learn_channel *ch =
				&l->part[i].learn.ch[k];

			MUST(ch->last <= NOW && ch->fresh_at <= NOW);
			MUST(ch->fresh <= LEARN_CHANGED);
			MUST((ch->rank == LEARN_NONE) ==
			     addr_is_none(&ch->source));
			MUST(!addr_is_none(&l->part[i].local[k]));
		}
	}
}

static void check(const struct snapshot *s)
{
	MUST(s->call_id && s->tag[LEARN_FIRST]);
	MUST(s->n <= SDP_MEDIA_MAX);
	MUST(s->opened <= NOW && s->signalled <= NOW);
	for (size_t i = 0; i < s->n; i++)
		check_line(&s->lines[i]);
}

static void again(struct snapshot *s)
{
	struct snapshot *other = malloc(sizeof(*other));
	char why[SNAPSHOT_WHY];
	json_t *j = snapshot_print(s, NOW);

	MUST(j && other);
	MUST(snapshot_parse(other, why, j, NOW) == 0);
	MUST(!strcmp(s->call_id, other->call_id));
	MUST(s->n == other->n && s->opened == other->opened);
	check(other);
	snapshot_release(other);
	json_decref(j);
	free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot *s = malloc(sizeof(*s));
	json_t *j = json_loadb((const char *)data, size, 0, NULL);
	char why[SNAPSHOT_WHY];

	if (j && s) {
		if (!snapshot_parse(s, why, j, NOW)) {
			check(s);
			again(s);
		} else {
			MUST(strlen(why) < sizeof(why));
		}
		snapshot_release(s);
	}
	json_decref(j);
	free(s);
	return 0;
}
