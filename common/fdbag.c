#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/fdbag.h"

int fdbag_add(struct fdbag *b, const int *fds, size_t n)
{
	int *more;

	if (n == 0)
		return 0;
	more = realloc(b->fds, (b->n + n) * sizeof(*fds));
	if (!more) {
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		return -ENOMEM;
	}
	memcpy(more + b->n, fds, n * sizeof(*fds));
	b->fds = more;
	b->n += n;
	return 0;
}

/* Of one kind of address the kernel gives: getsockname or getpeername. */
static bool ask(struct addr *a, int fd,
		int (*fn)(int, struct sockaddr *, socklen_t *))
{
	struct addr raw = {0};
	socklen_t len = sizeof(raw.u);

	return fn(fd, &raw.u.sa, &len) == 0 && len <= sizeof(raw.u) &&
	       addr_from_sa(a, &raw.u.sa) == 0;
}

static bool fits(int fd, int type, const struct addr *local, struct addr *peer)
{
	struct addr here, there = {0};
	socklen_t len = sizeof(int);
	int is;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &len) || is != type ||
	    !ask(&here, fd, getsockname) || !addr_eq(&here, local) ||
	    ask(&there, fd, getpeername) != (peer != NULL))
		return false;
	if (peer)
		*peer = there;
	return true;
}

int fdbag_take(struct fdbag *b, int type, const struct addr *local,
	       struct addr *peer)
{
	for (size_t i = 0; i < b->n; i++) {
		int fd = b->fds[i];

		if (fd < 0 || !fits(fd, type, local, peer))
			continue;
		b->fds[i] = -1;
		return fd;
	}
	return -ENOENT;
}

void fdbag_close(struct fdbag *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->fds[i] >= 0)
			close(b->fds[i]);
	free(b->fds);
	*b = (struct fdbag){0};
}
