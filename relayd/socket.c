#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"

#include "relayd/socket.h"

/* Marking is a wish: a kernel that refuses it still relays. */
static void mark(int fd, int family, int dscp)
{
	int tos = dscp << 2;

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else
		setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

int socket_open(int *fdp, const struct addr *address, uint16_t port, int dscp)
{
	struct addr a = *address;
	int family = addr_family(&a), on = 1, err;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	mark(fd, family, dscp);
	addr_set_port(&a, port);
	if (bind(fd, &a.u.sa, addr_len(&a)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*fdp = fd;
	return 0;
}

void socket_clear_error(int fd)
{
	socklen_t len = sizeof(int);
	int err;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
}
