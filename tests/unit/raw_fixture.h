#ifndef TESTS_UNIT_RAW_FIXTURE_H
#define TESTS_UNIT_RAW_FIXTURE_H

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/transports_fixture.h"

/* A far end that does as it likes: a plain socket. */

static inline int raw_connect(const struct addr *to, const char *from)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct addr local = address(from);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &local.u.sa, addr_len(&local)), 0);
	ck_assert_int_eq(connect(fd, &to->u.sa, addr_len(to)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline void raw_send(int fd, const void *data, size_t len)
{
	ck_assert_int_eq(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void raw_text(int fd, const char *text)
{
	raw_send(fd, text, strlen(text));
}

/* Turn the loop until at least `len` bytes have come: how many. */
static inline size_t raw_receive(int fd, char *buf, size_t cap, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, buf + got, cap - got, 0);

		ck_assert_int_ne(n, 0);
		if (n > 0)
			got += (size_t)n;
		else
			uv_run(&loop, UV_RUN_NOWAIT);
	}
	return got;
}

/* Turn the loop until the other side has closed. */
static inline void raw_await_end(int fd)
{
	char buf[4096];
	ssize_t n;

	do {
		uv_run(&loop, UV_RUN_NOWAIT);
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0 || (n < 0 && errno == EAGAIN));
}

#endif
