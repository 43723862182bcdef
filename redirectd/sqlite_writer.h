#ifndef REDIRECTD_SQLITE_WRITER_H
#define REDIRECTD_SQLITE_WRITER_H

#include <sqlite3.h>
#include <uv.h>

#include "redirectd/store_memory.h"

/*
 * The thread that makes registrations durable. While it has the disk write one
 * batch, in one transaction, the next one gathers: so a registration that comes
 * alone costs one sync of the disk, many at once share one, and the loop waits
 * for none of them.
 */
struct sqlite_writer;

/* Called in the loop, for each change in the order in which they came: it has
 * been written (0), or not (-EIO: nothing of it, and `why` tells). */
typedef void sqlite_written_h(int err, struct store_change *ch,
			      store_done_h *fn, void *fn_arg, const char *why,
			      void *arg);

/*
 * Start it on a connection of its own, which it closes. 0, -ENOMEM, -EIO,
 * -errno; the connection is taken over in any case.
 */
int sqlite_writer_start(struct sqlite_writer **wp, uv_loop_t *loop, sqlite3 *db,
			sqlite_written_h *fn, void *arg);

/* Write a change that has been prepared; `fn` and `fn_arg` come back with it. 0
 * or -ENOMEM, -ENOBUFS (too many are waiting). */
int sqlite_writer_add(struct sqlite_writer *w, struct store_change *ch,
		      dir_time now, store_done_h *fn, void *fn_arg);

/* Have all written that has been added, tell of it (but not who asked: their
 * handlers come as NULL), and end. */
void sqlite_writer_stop(struct sqlite_writer *w);

#endif
