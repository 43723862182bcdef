#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/notify.h"

int notify_open(int *fdp)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	socklen_t size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int fd, err = 0;

	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0'; /* an abstract one */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, size)) {
		err = -errno;
		close(fd);
		return err;
	}
	*fdp = fd;
	return 0;
}

int notify_say(const char *lines)
{
	int fd, err = notify_open(&fd);

	if (err)
		return err;
	if (send(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		err = -errno;
	close(fd);
	return err;
}
