#include <errno.h>
#include <stdlib.h>

#include "common/txn_internal.h"

enum { SLOTS_MIN = 64 };
#define NO_SLOT UINT32_MAX

/* `gen` tells the tenants of a slot apart. */
struct txn_slot {
	union {
		void *obj;
		uint32_t next; /* of a free one, whose kind is TXN_NONE */
	} u;
	uint32_t gen;
	enum txn_kind kind;
};

static int grow(struct txn_ids *ids)
{
	uint32_t cap = ids->cap ? 2 * ids->cap : SLOTS_MIN;
	struct txn_slot *slots;

	if (ids->cap > UINT32_MAX / 4)
		return -ENOMEM;
	slots = realloc(ids->slots, cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = cap; i-- > ids->cap;) {
		slots[i] = (struct txn_slot){.u.next = ids->free, .gen = 1};
		ids->free = i;
	}
	ids->slots = slots;
	ids->cap = cap;
	return 0;
}

static struct txn_slot *slot_of(const struct txns *t, txn_id id)
{
	uint32_t i = (uint32_t)id;
	struct txn_slot *slot;

	if (i >= t->ids.cap)
		return NULL;
	slot = &t->ids.slots[i];
	return slot->kind && slot->gen == id >> 32 ? slot : NULL;
}

int txn_id_new(txn_id *id, struct txns *t, enum txn_kind kind, void *obj)
{
	struct txn_ids *ids = &t->ids;
	struct txn_slot *slot;

	if (!ids->cap)
		ids->free = NO_SLOT;
	if (ids->free == NO_SLOT && grow(ids) != 0)
		return -ENOMEM;
	slot = &ids->slots[ids->free];
	*id = (uint64_t)slot->gen << 32 | ids->free;
	ids->free = slot->u.next;
	slot->u.obj = obj;
	slot->kind = kind;
	return 0;
}

void *txn_id_get(const struct txns *t, txn_id id, enum txn_kind kind)
{
	const struct txn_slot *slot = slot_of(t, id);

	return slot && slot->kind == kind ? slot->u.obj : NULL;
}

/* A generation is never 0, so that no id is. */
void txn_id_free(struct txns *t, txn_id id)
{
	struct txn_slot *slot = slot_of(t, id);

	if (!slot)
		return;
	slot->kind = TXN_NONE;
	if (++slot->gen == 0)
		slot->gen = 1;
	slot->u.next = t->ids.free;
	t->ids.free = (uint32_t)id;
}
