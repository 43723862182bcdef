#ifndef RELAYD_FDSTORE_H
#define RELAYD_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handover;

/*
 * What survives a relayd that is killed: the sockets of each session in the
 * service manager's store (FDSTORE=1, sd_notify(3)) and beside them a table in
 * memory, shared with the store, with a slot for each session: its snapshot as
 * text, twice, so that one is whole whenever the process ends. Any thread may
 * call this, for a slot the one whose session has it.
 *
 * NULL for the store is fine everywhere and does nothing.
 */
struct fdstore;

/* Slot 0 is none. */
enum { FDSTORE_SLOTS = 8192, FDSTORE_SOCKETS = 2 * FDSTORE_SLOTS };

/*
 * With what a relayd that was killed had, if there is anything ($LISTEN_FDS):
 * its sessions and control sockets go into `h`. `table` is that of a relayd
 * that is being taken over, or -1; it is taken over in any case. 0, -ENOENT (no
 * service manager) or another negative errno.
 */
int fdstore_open(struct fdstore **fp, struct handover *h, int table);

/* `keep`: another process has the sessions; else there are none any more. */
void fdstore_close(struct fdstore *f, bool keep);

/* Whatever was found and has not been claimed goes. */
void fdstore_sweep(struct fdstore *f);

/* Now and then: what could not be told the service manager is told again. */
void fdstore_tick(struct fdstore *f);

/* For another process; -1: none. */
int fdstore_table(const struct fdstore *f);

/* From now on another process has the sessions: nothing changes any more, or
 * it does again. */
void fdstore_yield(struct fdstore *f, bool yielded);

/* A slot for a session, or 0. */
uint32_t fdstore_take(struct fdstore *f);
/* This one, for a session that had it with another process. False: it is none,
 * or taken. */
bool fdstore_claim(struct fdstore *f, uint32_t slot);
/* The record goes, and the sockets from the store. */
void fdstore_give(struct fdstore *f, uint32_t slot);

/* Further sockets of a session. 0 or a negative errno: they are not there. */
int fdstore_sockets(struct fdstore *f, uint32_t slot, const int *fds, size_t n);
/* The control sockets, which are kept by their addresses alone. */
void fdstore_control(struct fdstore *f, const int *fds, size_t n);

/* In place of what was written there before. 0 or -EMSGSIZE. */
int fdstore_write(struct fdstore *f, uint32_t slot, const char *text);

#endif
