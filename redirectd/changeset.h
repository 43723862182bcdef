#ifndef REDIRECTD_CHANGESET_H
#define REDIRECTD_CHANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redirectd/binding.h"

/*
 * What one REGISTER makes of a client's bindings (RFC 3261 10.3 steps 6 and 7),
 * worked out beside the store: all of it is put there in the end, or none.
 * Pure; strings are borrowed.
 */
enum { CHANGESET_MAX = 2 * BINDINGS_MAX }; /* old ones and their successors */

enum change {
	CHANGE_NONE,
	CHANGE_ADDED,
	CHANGE_REFRESHED,
	CHANGE_REMOVED,
	CHANGE_KINDS
};

struct change_item {
	struct binding b;
	enum change change;
};

struct changeset {
	struct change_item items[CHANGESET_MAX];
	size_t n;
	size_t before; /* bindings there were */
	bool changed;
};

/* Begin with the bindings there are (at most BINDINGS_MAX). */
void changeset_init(struct changeset *cs, const struct binding *v, size_t n);

/*
 * Take one contact: a binding with the REGISTER's Call-ID and CSeq, which ends
 * at once (expires == registered) where it is to be removed. It replaces that
 * of the same phone (binding_same). 0; -EALREADY for an exact retransmission
 * (nothing changed), -ESTALE where a REGISTER of this Call-ID has already said
 * as much or more, -ENOSPC.
 */
int changeset_apply(struct changeset *cs, const struct binding *b);

/* "Contact: *" of a REGISTER. 0 or -ESTALE. */
int changeset_remove_all(struct changeset *cs, const char *call_id,
			 uint32_t cseq);

/* The bindings there will be, best first. Returns how many. */
size_t changeset_result(struct binding v[CHANGESET_MAX],
			const struct changeset *cs);

#endif
