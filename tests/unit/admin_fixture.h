#ifndef TESTS_UNIT_ADMIN_FIXTURE_H
#define TESTS_UNIT_ADMIN_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "common/addr.h"
#include "common/admin.h"

/* An HTTP client for the admin server on the loop of the test. */
static uv_loop_t loop;
static struct admin *admin;

/* A client in a thread of its own, so that its socket may block. */
struct client {
	uv_thread_t thread;
	uv_async_t done;
	const char *request;
	char answer[16384];
	size_t len;
};

static inline void write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static inline int dial(void)
{
	const struct addr *to = admin_local(admin);
	struct timeval limit = {.tv_sec = 20};
	int fd = socket(addr_family(to), SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, &to->u.sa, addr_len(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Sends the request and reads until the server closes. */
static inline void client_run(void *arg)
{
	struct client *c = arg;
	int fd = dial();
	ssize_t n = fd < 0 ? 0 : 1;

	if (n)
		write_all(fd, c->request, strlen(c->request));
	while (n > 0 && c->len < sizeof(c->answer) - 1) {
		n = read(fd, c->answer + c->len,
			 sizeof(c->answer) - 1 - c->len);
		c->len += n > 0 ? (size_t)n : 0;
	}
	c->answer[c->len] = '\0';
	if (fd >= 0)
		close(fd);
	uv_async_send(&c->done);
}

static inline void on_done(uv_async_t *async)
{
	uv_close((uv_handle_t *)async, NULL);
	uv_stop(async->loop);
}

/* The whole answer to one request; valid until the next call. */
static inline const char *ask(const char *request)
{
	static struct client c;

	memset(&c, 0, sizeof(c));
	c.request = request;
	ck_assert_int_eq(uv_async_init(&loop, &c.done, on_done), 0);
	ck_assert_int_eq(uv_thread_create(&c.thread, client_run, &c), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_thread_join(&c.thread);
	uv_run(&loop, UV_RUN_NOWAIT);
	return c.answer;
}

static inline const char *ask_path(const char *method, const char *path)
{
	char request[512];

	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: localhost\r\n"
		 "Connection: close\r\n\r\n",
		 method, path);
	return ask(request);
}

static inline int status_of(const char *answer)
{
	int status = 0;

	sscanf(answer, "HTTP/1.1 %d ", &status);
	return status;
}

static inline const char *body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end ? end + 4 : "";
}

static inline bool has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

#endif
