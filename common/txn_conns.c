#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/txn_internal.h"

/* One transaction that waits on a connection. */
struct txn_link {
	LIST_ENTRY(txn_link) entry;
	struct txn_conn *conn;
	struct txn_link **holder; /* the transaction's pointer to this */
	txn_lost_h *lost;
	void *arg;
};

/* A connection on which transactions wait. It is there as long as one does. */
struct txn_conn {
	uint64_t id;
	LIST_HEAD(txn_links, txn_link) links;
	bool closed; /* out of the table, being emptied */
};

static struct txn_conn *conn_get(struct txns *t, uint64_t id)
{
	struct txn_conn *c = table_get(t->conns, &id, sizeof(id));

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->id = id;
	LIST_INIT(&c->links);
	if (table_put(t->conns, &c->id, sizeof(c->id), c)) {
		free(c);
		return NULL;
	}
	return c;
}

void txn_link(struct txn_link **lp, struct txns *t, uint64_t conn,
	      txn_lost_h *lost, void *arg)
{
	struct txn_link *l = conn ? calloc(1, sizeof(*l)) : NULL;

	txn_unlink(t, lp);
	if (!l)
		return;
	l->conn = conn_get(t, conn);
	if (!l->conn) {
		free(l);
		return;
	}
	l->holder = lp;
	l->lost = lost;
	l->arg = arg;
	LIST_INSERT_HEAD(&l->conn->links, l, entry);
	*lp = l;
}

void txn_unlink(struct txns *t, struct txn_link **lp)
{
	struct txn_link *l = *lp;
	struct txn_conn *c;

	if (!l)
		return;
	c = l->conn;
	LIST_REMOVE(l, entry);
	free(l);
	*lp = NULL;
	if (c->closed || !LIST_EMPTY(&c->links))
		return;
	(void)table_del(t->conns, &c->id, sizeof(c->id));
	free(c);
}

/* Each is out of the list before anybody hears of it, who may do anything. */
void txns_closed(struct txns *t, uint64_t now, uint64_t conn)
{
	struct txn_conn *c = table_del(t->conns, &conn, sizeof(conn));
	struct txn_link *l;

	txns_clock(t, now);
	if (!c)
		return;
	c->closed = true;
	while ((l = LIST_FIRST(&c->links))) {
		txn_lost_h *lost = l->lost;
		void *arg = l->arg;

		txn_unlink(t, l->holder);
		lost(arg);
	}
	free(c);
}
