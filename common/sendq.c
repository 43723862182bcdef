#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "common/sendq.h"

enum {
	BATCH = 64,
	ITEMS_MIN = 64,
	DATA_MIN = 16 << 10,
	DATA_KEEP = 256 << 10, /* what an idle queue may hold on to */
};

struct sendq_item {
	struct addr dst;
	size_t off; /* in data: the block moves as it grows */
	size_t len;
};

static int reserve_item(struct sendq *q)
{
	size_t cap = q->items_cap ? 2 * q->items_cap : ITEMS_MIN;
	struct sendq_item *items;

	if (q->n < q->items_cap)
		return 0;
	items = realloc(q->items, cap * sizeof(*items));
	if (!items)
		return -ENOBUFS;
	q->items = items;
	q->items_cap = cap;
	return 0;
}

static int reserve_data(struct sendq *q, size_t len)
{
	size_t cap = q->data_cap ? q->data_cap : DATA_MIN;
	char *data;

	if (q->data && len <= q->data_cap - q->len)
		return 0;
	while (cap - q->len < len)
		cap *= 2;
	data = realloc(q->data, cap);
	if (!data)
		return -ENOBUFS;
	q->data = data;
	q->data_cap = cap;
	return 0;
}

/* Where in the block the bytes that still wait begin. */
static size_t waiting_off(const struct sendq *q)
{
	return sendq_count(q) > 0 ? q->items[q->head].off : q->len;
}

/*
 * Move what still waits to the front, over what has left. Only where that is
 * half of the queue, so that a slow socket does not cost a move a datagram.
 */
static void compact(struct sendq *q)
{
	size_t off = waiting_off(q);

	if (q->head == 0 || (q->head < q->n / 2 && off < q->len / 2))
		return;
	memmove(q->data, q->data + off, q->len - off);
	memmove(q->items, q->items + q->head,
		(q->n - q->head) * sizeof(*q->items));
	q->len -= off;
	q->n -= q->head;
	q->head = 0;
	for (size_t i = 0; i < q->n; i++)
		q->items[i].off -= off;
}

static void emptied(struct sendq *q)
{
	q->head = q->n = q->len = 0;
	if (q->data_cap > DATA_KEEP)
		sendq_reset(q);
}

/* Send up to BATCH from the head: how many left, or a negative errno that is
 * about the first of them. */
static int send_batch(struct sendq *q, int fd)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	size_t n = sendq_count(q);
	int sent;

	if (n > BATCH)
		n = BATCH;
	memset(msgs, 0, n * sizeof(*msgs));
	for (size_t i = 0; i < n; i++) {
		struct sendq_item *it = &q->items[q->head + i];

		iov[i].iov_base = q->data + it->off;
		iov[i].iov_len = it->len;
		msgs[i].msg_hdr.msg_name = &it->dst;
		msgs[i].msg_hdr.msg_namelen = addr_len(&it->dst);
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, msgs, (unsigned)n, MSG_DONTWAIT);
	return sent < 0 ? -errno : sent;
}

static void count_sent(struct sendq *q, size_t n, struct sendq_counts *counts)
{
	counts->sent += n;
	for (; n > 0; n--)
		counts->sent_bytes += q->items[q->head++].len;
}

int sendq_add(struct sendq *q, const struct addr *dst, const void *data,
	      size_t len)
{
	struct sendq_item *it;

	if (sendq_count(q) >= SENDQ_DATAGRAMS_MAX)
		return -ENOBUFS;
	if (q->len - waiting_off(q) + len > SENDQ_BYTES_MAX)
		return -ENOBUFS;
	if (q->n == q->items_cap || q->len + len > q->data_cap)
		compact(q);
	if (reserve_item(q) != 0 || reserve_data(q, len) != 0)
		return -ENOBUFS;
	it = &q->items[q->n++];
	it->dst = *dst;
	it->off = q->len;
	it->len = len;
	if (len > 0)
		memcpy(q->data + q->len, data, len);
	q->len += len;
	return 0;
}

int sendq_flush(struct sendq *q, int fd, struct sendq_counts *counts)
{
	int n;

	while (sendq_count(q) > 0) {
		n = send_batch(q, fd);
		if (n > 0) {
			count_sent(q, (size_t)n, counts);
		} else if (n == -EAGAIN || n == -EWOULDBLOCK) {
			return -EAGAIN;
		} else if (n != -EINTR) {
			counts->errors++;
			q->head++;
		}
	}
	emptied(q);
	return 0;
}

size_t sendq_count(const struct sendq *q)
{
	return q->n - q->head;
}

void sendq_reset(struct sendq *q)
{
	free(q->items);
	free(q->data);
	memset(q, 0, sizeof(*q));
}
