#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "common/ask.h"

static char err[CONF_ERRLEN];

/* Something else that answers there: `head`, and `n` bytes of '1'. */
struct other {
	int fd;
	const char *head;
	size_t n;
};

static void serve_other(void *arg)
{
	static char block[1 << 16];
	const struct other *o = arg;
	int fd = accept(o->fd, NULL, NULL);
	ssize_t took = read(fd, block, sizeof(block));

	memset(block, '1', sizeof(block));
	if (took > 0)
		took = send(fd, o->head, strlen(o->head), MSG_NOSIGNAL);
	for (size_t i = 0; i < o->n && took > 0; i += sizeof(block))
		took = send(fd, block, sizeof(block), MSG_NOSIGNAL);
	close(fd);
}

static int ask_other(const char *head, size_t n, bool ready)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	struct other o = {socket(AF_INET, SOCK_STREAM, 0), head, n};
	char where[32];
	const struct ask q = {.http = where, .path = "/api/calls"};
	json_t *answer = NULL;
	uv_thread_t server;
	int ret;

	ck_assert_int_eq(bind(o.fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(o.fd, 1), 0);
	ck_assert_int_eq(getsockname(o.fd, (struct sockaddr *)&in, &len), 0);
	snprintf(where, sizeof(where), "127.0.0.1:%d", ntohs(in.sin_port));
	ck_assert_int_eq(uv_thread_create(&server, serve_other, &o), 0);
	ret = ready ? ask_ready(where, err) : ask(&answer, &q, err);
	uv_thread_join(&server);
	close(o.fd);
	ck_assert_ptr_null(answer);
	return ret;
}

START_TEST(something_else_is_there)
{
	ck_assert_int_eq(ask_other("HTTP/1.0 200 OK\r\n\r\n<html>", 0, false),
			 -EPROTO);
	ck_assert_ptr_nonnull(strstr(err, "no JSON"));
	ck_assert_int_eq(ask_other("HTTP/1.0 200 OK\r\n\r\n<html>", 0, true),
			 -EPROTO);
	ck_assert_ptr_nonnull(strstr(err, "no daemon"));
	ck_assert_int_eq(ask_other("HTTP/1.0 404 No\r\n\r\n<html>", 0, true),
			 -EPROTO);
	ck_assert_int_eq(ask_other("SIP/2.0 400 Bad\r\n\r\n", 0, false), -EIO);
	ck_assert_int_eq(ask_other("HTTP/1.0 500 Oh\r\n\r\n", 0, false),
			 -EPROTO);
	ck_assert_str_eq(err, "status 500");
}
END_TEST

START_TEST(an_answer_without_an_end_is_refused)
{
	ck_assert_int_eq(
		ask_other("HTTP/1.0 200 OK\r\n\r\n", (size_t)80 << 20, false),
		-EIO);
	ck_assert_ptr_nonnull(strstr(err, "127.0.0.1"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ask_other");
	TCase *t = tcase_create("ask_other");
	SRunner *r;
	int failures;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, something_else_is_there);
	tcase_add_test(t, an_answer_without_an_end_is_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
