#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdmsg.h"
#include "common/log.h"
#include "relayd/takeover.h"

enum { BACKLOG = 4 };

/* Somebody who has connected. */
struct asker {
	uv_poll_t poll;
	int fd;
	struct takeover *owner;
};

struct takeover {
	uv_poll_t poll;
	int fd;
	struct asker *asker; /* one at a time; NULL: nobody */
	takeover_h *fn;
	void *arg;
	struct stat file; /* what is at the path, to know it again */
	struct sockaddr_un sun;
};

static int make_address(struct sockaddr_un *sun, const char *path,
			const char *suffix)
{
	int n;

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s%s", path,
		     suffix);
	return n < (int)sizeof(sun->sun_path) ? 0 : -ENAMETOOLONG;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		      0);
}

/* Who may be given the sockets, and who may give some. */
static int check_peer(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return -errno;
	return who.uid == geteuid() || who.uid == 0 ? 0 : -EPERM;
}

static void on_asker_closed(uv_handle_t *h)
{
	free(h->data);
}

static void drop_asker(struct takeover *t)
{
	struct asker *a = t->asker;

	if (!a)
		return;
	t->asker = NULL;
	uv_close((uv_handle_t *)&a->poll, on_asker_closed);
	close(a->fd);
}

static void on_ask(uv_poll_t *poll, int status, int events)
{
	struct asker *a = poll->data;

	(void)events;
	if (status == 0)
		a->owner->fn(a->fd, a->owner->arg);
	drop_asker(a->owner);
}

/* One that has said nothing yet makes room for the next. */
static void begin_asker(struct takeover *t, int fd)
{
	struct asker *a = calloc(1, sizeof(*a));

	if (!a || uv_poll_init(t->poll.loop, &a->poll, fd)) {
		free(a);
		close(fd);
		return;
	}
	drop_asker(t);
	a->poll.data = a;
	a->fd = fd;
	a->owner = t;
	t->asker = a;
	uv_poll_start(&a->poll, UV_READABLE, on_ask);
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
	struct takeover *t = poll->data;
	int fd = accept4(t->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int err;

	(void)status;
	(void)events;
	if (fd < 0)
		return;
	err = check_peer(fd);
	if (!err) {
		fdmsg_prepare(fd);
		begin_asker(t, fd);
		return;
	}
	log_warn("takeover refused", LOG_S("reason", strerror(-err)));
	close(fd);
}

/* Under a name of its own first, so that there is always one who listens. */
static int put_in_place(struct takeover *t)
{
	struct sockaddr_un draft;
	char suffix[24];
	int err;

	snprintf(suffix, sizeof(suffix), ".%d", (int)getpid());
	err = make_address(&draft, t->sun.sun_path, suffix);
	if (err)
		return err;
	unlink(draft.sun_path);
	if (fchmod(t->fd, S_IRUSR | S_IWUSR) ||
	    bind(t->fd, (struct sockaddr *)&draft, sizeof(draft)))
		return -errno;
	if (listen(t->fd, BACKLOG) || stat(draft.sun_path, &t->file) ||
	    rename(draft.sun_path, t->sun.sun_path)) {
		err = -errno;
		unlink(draft.sun_path);
	}
	return err;
}

int takeover_listen(struct takeover **tp, uv_loop_t *loop, const char *path,
		    takeover_h *fn, void *arg)
{
	struct takeover *t = calloc(1, sizeof(*t));
	int err = t ? make_address(&t->sun, path, "") : -ENOMEM;

	if (err)
		goto out_free;
	t->fn = fn;
	t->arg = arg;
	t->fd = make_socket();
	if (t->fd < 0) {
		err = -errno;
		goto out_free;
	}
	err = put_in_place(t);
	if (!err)
		err = uv_poll_init(loop, &t->poll, t->fd);
	if (err)
		goto out_close;
	t->poll.data = t;
	uv_poll_start(&t->poll, UV_READABLE, on_connect);
	*tp = t;
	return 0;
out_close:
	close(t->fd);
out_free:
	free(t);
	return err;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void takeover_close(struct takeover *t)
{
	struct stat now;

	if (!t)
		return;
	drop_asker(t);
	if (!stat(t->sun.sun_path, &now) && now.st_ino == t->file.st_ino &&
	    now.st_dev == t->file.st_dev)
		unlink(t->sun.sun_path);
	uv_close((uv_handle_t *)&t->poll, on_closed);
	close(t->fd);
}

int takeover_connect(int *peer, const char *path)
{
	struct sockaddr_un sun;
	int err = make_address(&sun, path, "");
	int fd = err ? -1 : make_socket();

	if (err)
		return err;
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		err = -errno;
	if (!err)
		err = check_peer(fd);
	if (err) {
		close(fd);
		return err;
	}
	fdmsg_prepare(fd);
	*peer = fd;
	return 0;
}
