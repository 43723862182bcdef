#include "common/admin_listen.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"

enum { BACKLOG = 64 };

int admin_listen_bound(struct addr *local, int fd)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);

	if (getsockname(fd, (struct sockaddr *)&bound, &len))
		return -errno;
	return addr_from_sa(local, (const struct sockaddr *)&bound);
}

int admin_listen(int *fdp, struct addr *local, const struct addr *listen_at)
{
	int one = 1;
	int fd = socket(addr_family(listen_at),
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, &listen_at->u.sa, addr_len(listen_at)) ||
	    listen(fd, BACKLOG)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*fdp = fd;
	return admin_listen_bound(local, fd);
}
