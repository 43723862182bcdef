#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "common/fdmsg.h"
#include "common/log.h"
#include "common/notify.h"
#include "relayd/fdstore.h"
#include "relayd/fdstore_found.h"
#include "relayd/fdtable.h"
#include "relayd/handover.h"

enum { LINES_MAX = 96 };

enum state {
	FREE,
	FOUND, /* of a process before, nobody's yet */
	TAKEN,
	LEAVING, /* the service manager could not be told yet */
};

struct fdstore {
	uv_mutex_t lock;
	int notify;
	bool yielded;
	struct fdtable *table;
	/* under the lock: */
	uint8_t state[FDSTORE_SLOTS + 1];
	uint16_t nfds[FDSTORE_SLOTS + 1]; /* in the store */
	size_t total;                     /* of all */
	uint32_t next;                    /* below it none is free */
};

static int say(struct fdstore *f, const char *verb, const char *name,
	       const int *fds, size_t n)
{
	char lines[LINES_MAX];
	int len = snprintf(lines, sizeof(lines), "%s=1\nFDNAME=%s\nFDPOLL=0",
			   verb, name);

	/* A service manager that does not keep up delays no packet. */
	return fdmsg_send(f->notify, lines, (size_t)len, fds, n, 0);
}

static const char *name_of(char name[FDSTORE_NAME], uint32_t slot)
{
	snprintf(name, FDSTORE_NAME, "%x", slot);
	return name;
}

/* With the lock held. */
static void leave(struct fdstore *f, uint32_t slot)
{
	char name[FDSTORE_NAME];

	f->state[slot] = LEAVING;
	if (f->nfds[slot] &&
	    say(f, "FDSTOREREMOVE", name_of(name, slot), NULL, 0))
		return;
	f->total -= f->nfds[slot];
	f->nfds[slot] = 0;
	f->state[slot] = FREE;
	if (slot < f->next)
		f->next = slot;
}

/* Of a process before: text and sockets of its sessions. */
static void collect(struct fdstore *f, struct handover *h,
		    struct fdstore_found *found)
{
	for (uint32_t i = 1; i <= FDSTORE_SLOTS; i++) {
		size_t len;
		const char *text = fdtable_read(&len, f->table, i);
		json_t *state = text ? json_loadb(text, len, 0, NULL) : NULL;

		f->nfds[i] = (uint16_t)found->slot[i].n;
		f->total += f->nfds[i];
		if (text || f->nfds[i])
			f->state[i] = FOUND;
		if (!state || !f->nfds[i]) {
			json_decref(state);
			continue;
		}
		json_object_set_new(state, "slot", json_integer(i));
		handover_add(h, state, &found->slot[i]);
	}
}

/* Of a relayd that lives: its sessions come with their slots. */
static void expect(struct fdstore *f, const struct handover *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const json_t *s = h->sessions[i].state;
		json_int_t slot =
			json_integer_value(json_object_get(s, "slot"));
		json_int_t n = json_integer_value(json_object_get(s, "stored"));

		if (slot < 1 || slot > FDSTORE_SLOTS || n < 0 ||
		    n > UINT16_MAX || f->state[slot] != FREE)
			continue;
		f->state[slot] = FOUND;
		f->nfds[slot] = (uint16_t)n;
		f->total += f->nfds[slot];
	}
}

static int open_table(struct fdstore *f, struct handover *h,
		      struct fdstore_found *found, int table)
{
	int fd, err = -ENOENT;

	if (table >= 0)
		err = fdtable_open(&f->table, FDSTORE_SLOTS, table);
	else if (found->table >= 0)
		err = fdtable_open(&f->table, FDSTORE_SLOTS,
				   fcntl(found->table, F_DUPFD_CLOEXEC, 0));
	if (table >= 0)
		expect(f, h);
	else if (!err)
		collect(f, h, found);
	if (!err)
		return 0;
	if (err != -ENOENT)
		log_error("table of the relayd before is of no use",
			  LOG_S("reason", strerror(-err)));
	say(f, "FDSTOREREMOVE", FDSTORE_TABLE, NULL, 0);
	err = fdtable_open(&f->table, FDSTORE_SLOTS, -1);
	if (err)
		return err;
	/* sockets without a table are of no use either */
	for (uint32_t i = 1; i <= FDSTORE_SLOTS; i++) {
		f->nfds[i] = (uint16_t)found->slot[i].n;
		f->total += f->nfds[i];
		if (f->nfds[i])
			f->state[i] = FOUND;
	}
	fd = fdtable_fd(f->table);
	return say(f, "FDSTORE", FDSTORE_TABLE, &fd, 1);
}

int fdstore_open(struct fdstore **fp, struct handover *h, int table)
{
	struct fdstore_found *found = calloc(1, sizeof(*found));
	struct fdstore *f = calloc(1, sizeof(*f));
	int err = f && found ? 0 : -ENOMEM;

	if (!err)
		err = notify_open(&f->notify);
	if (err) {
		if (table >= 0)
			close(table);
		free(found);
		free(f);
		return err;
	}
	uv_mutex_init(&f->lock);
	f->next = 1;
	fdstore_find(found, &h->doors);
	err = open_table(f, h, found, table);
	fdstore_found_close(found);
	free(found);
	if (err)
		fdstore_close(f, true);
	else
		*fp = f;
	return err;
}

void fdstore_close(struct fdstore *f, bool keep)
{
	if (!f)
		return;
	if (!keep && f->table) {
		fdstore_sweep(f);
		say(f, "FDSTOREREMOVE", FDSTORE_CONTROL, NULL, 0);
		say(f, "FDSTOREREMOVE", FDSTORE_TABLE, NULL, 0);
	}
	fdtable_close(f->table);
	close(f->notify);
	uv_mutex_destroy(&f->lock);
	free(f);
}

void fdstore_sweep(struct fdstore *f)
{
	if (!f || f->yielded)
		return;
	uv_mutex_lock(&f->lock);
	for (uint32_t i = 1; i <= FDSTORE_SLOTS; i++) {
		if (f->state[i] != FOUND)
			continue;
		fdtable_erase(f->table, i);
		leave(f, i);
	}
	uv_mutex_unlock(&f->lock);
}

void fdstore_tick(struct fdstore *f)
{
	if (!f || f->yielded)
		return;
	uv_mutex_lock(&f->lock);
	for (uint32_t i = 1; i <= FDSTORE_SLOTS; i++)
		if (f->state[i] == LEAVING)
			leave(f, i);
	uv_mutex_unlock(&f->lock);
}

int fdstore_table(const struct fdstore *f)
{
	return f ? fdtable_fd(f->table) : -1;
}

void fdstore_yield(struct fdstore *f, bool yielded)
{
	if (f)
		f->yielded = yielded;
}

uint32_t fdstore_take(struct fdstore *f)
{
	uint32_t slot;

	if (!f || f->yielded)
		return 0;
	uv_mutex_lock(&f->lock);
	for (slot = f->next; slot <= FDSTORE_SLOTS; slot++)
		if (f->state[slot] == FREE)
			break;
	f->next = slot;
	if (slot > FDSTORE_SLOTS)
		slot = 0;
	else
		f->state[slot] = TAKEN;
	uv_mutex_unlock(&f->lock);
	return slot;
}

bool fdstore_claim(struct fdstore *f, uint32_t slot)
{
	bool mine;

	if (!f || slot == 0 || slot > FDSTORE_SLOTS)
		return false;
	uv_mutex_lock(&f->lock);
	mine = f->state[slot] == FOUND;
	if (mine)
		f->state[slot] = TAKEN;
	uv_mutex_unlock(&f->lock);
	return mine;
}

void fdstore_give(struct fdstore *f, uint32_t slot)
{
	if (!f || f->yielded || slot == 0)
		return;
	fdtable_erase(f->table, slot);
	uv_mutex_lock(&f->lock);
	leave(f, slot);
	uv_mutex_unlock(&f->lock);
}

int fdstore_sockets(struct fdstore *f, uint32_t slot, const int *fds, size_t n)
{
	char name[FDSTORE_NAME];
	int err = -ENOSPC;

	if (f->yielded)
		return -ESHUTDOWN;
	uv_mutex_lock(&f->lock);
	if (f->total + n <= FDSTORE_SOCKETS)
		err = say(f, "FDSTORE", name_of(name, slot), fds, n);
	if (!err) {
		f->nfds[slot] = (uint16_t)(f->nfds[slot] + n);
		f->total += n;
	}
	uv_mutex_unlock(&f->lock);
	return err;
}

void fdstore_control(struct fdstore *f, const int *fds, size_t n)
{
	if (!f)
		return;
	/* some of those before may not be listened at any more */
	say(f, "FDSTOREREMOVE", FDSTORE_CONTROL, NULL, 0);
	if (say(f, "FDSTORE", FDSTORE_CONTROL, fds, n))
		log_warn("control sockets are not kept for a restart");
}

int fdstore_write(struct fdstore *f, uint32_t slot, const char *text)
{
	return f->yielded ? 0
			  : fdtable_write(f->table, slot, text, strlen(text));
}
