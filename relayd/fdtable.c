#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/siphash.h"
#include "relayd/fdtable.h"

enum { HALVES = 2 };

struct half {
	uint64_t sum;  /* of what follows, as far as it is used */
	uint64_t turn; /* 0: empty; the higher one is the younger */
	uint64_t len;
	char text[FDTABLE_TEXT_MAX];
};

struct slot {
	struct half half[HALVES];
};

/* In slot 0. */
struct heading {
	char magic[16];
	uint64_t slot_size, slots;
};

struct fdtable {
	struct slot *map;
	size_t size;
	uint32_t slots;
	int fd;
};

static const char magic[16] = "pinhole relayd 1";

/* No secret: this is against accidents. */
static uint64_t sum_of(const struct half *h)
{
	static const uint8_t key[SIPHASH_KEY_LEN];
	size_t from = offsetof(struct half, turn);

	return siphash13(key, (const char *)h + from,
			 offsetof(struct half, text) - from + h->len);
}

static int map(struct fdtable *t)
{
	void *p = mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd,
		       0);

	if (p == MAP_FAILED)
		return -errno;
	t->map = p;
	return 0;
}

static void head(struct heading *h, const struct fdtable *t)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, magic, sizeof(h->magic));
	h->slot_size = sizeof(struct slot);
	h->slots = t->slots;
}

static int create(struct fdtable *t)
{
	int err;

	t->fd = memfd_create("relayd.table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (t->fd < 0)
		return -errno;
	if (ftruncate(t->fd, (off_t)t->size) ||
	    fcntl(t->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	err = map(t);
	if (!err)
		head((struct heading *)(void *)t->map, t);
	return err;
}

static int adopt(struct fdtable *t)
{
	struct heading want;
	struct stat st;
	int err;

	if (fstat(t->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size != t->size)
		return -EBADMSG;
	err = map(t);
	head(&want, t);
	if (!err && memcmp(t->map, &want, sizeof(want)) != 0)
		err = -EBADMSG;
	return err;
}

int fdtable_open(struct fdtable **tp, uint32_t slots, int fd)
{
	struct fdtable *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	t->fd = fd;
	t->slots = slots;
	t->size = (slots + 1UL) * sizeof(struct slot);
	err = fd < 0 ? create(t) : adopt(t);
	if (err)
		fdtable_close(t);
	else
		*tp = t;
	return err;
}

void fdtable_close(struct fdtable *t)
{
	if (!t)
		return;
	if (t->map)
		munmap(t->map, t->size);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

int fdtable_fd(const struct fdtable *t)
{
	return t->fd;
}

int fdtable_write(struct fdtable *t, uint32_t slot, const char *text,
		  size_t len)
{
	struct half *a = t->map[slot].half, *b = a + 1;
	struct half *to = a->turn <= b->turn ? a : b;
	const struct half *last = to == a ? b : a;

	if (len > FDTABLE_TEXT_MAX)
		return -EMSGSIZE;
	to->sum = 0;
	atomic_signal_fence(memory_order_seq_cst);
	to->turn = last->turn + 1;
	to->len = len;
	memcpy(to->text, text, len);
	atomic_signal_fence(memory_order_seq_cst);
	to->sum = sum_of(to);
	return 0;
}

void fdtable_erase(struct fdtable *t, uint32_t slot)
{
	for (unsigned i = 0; i < HALVES; i++) {
		struct half *h = &t->map[slot].half[i];

		h->sum = h->turn = h->len = 0;
	}
}

const char *fdtable_read(size_t *len, const struct fdtable *t, uint32_t slot)
{
	const struct half *best = NULL;

	for (unsigned i = 0; i < HALVES; i++) {
		const struct half *h = &t->map[slot].half[i];

		if (h->turn && h->len <= FDTABLE_TEXT_MAX &&
		    h->sum == sum_of(h) && (!best || h->turn > best->turn))
			best = h;
	}
	*len = best ? best->len : 0;
	return best ? best->text : NULL;
}
