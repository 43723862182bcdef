#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "redirectd/password.h"

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { ENDINGS = sizeof(endings) / sizeof(endings[0]) };

static volatile sig_atomic_t caught;

/* Echo is off, and signals that end the process are held back but while there
 * is nothing to read, until quiet_end(). */
struct quiet {
	struct termios was;
	struct sigaction actions[ENDINGS];
	sigset_t mask; /* as it was */
};

static int refuse(char err[CONF_ERRLEN], int e, const char *why)
{
	(void)snprintf(err, CONF_ERRLEN, "password: %s", why);
	return e;
}

static void on_signal(int signum)
{
	caught = signum;
}

static int quiet_begin(struct quiet *q)
{
	const struct sigaction noted = {.sa_handler = on_signal};
	struct termios silent;
	sigset_t held;

	caught = 0;
	(void)sigemptyset(&held);
	for (size_t i = 0; i < ENDINGS; i++)
		(void)sigaddset(&held, endings[i]);
	(void)sigprocmask(SIG_BLOCK, &held, &q->mask);
	for (size_t i = 0; i < ENDINGS; i++)
		(void)sigaction(endings[i], &noted, &q->actions[i]);
	silent = q->was;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ICANON | ISIG | ECHONL;
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) ? -errno : 0;
}

/* What was caught now has its way. */
static void quiet_end(const struct quiet *q)
{
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &q->was);
	for (size_t i = 0; i < ENDINGS; i++)
		(void)sigaction(endings[i], &q->actions[i], NULL);
	if (caught)
		(void)raise(caught);
	(void)sigprocmask(SIG_SETMASK, &q->mask, NULL);
}

/* Until there is something to read, or a signal. */
static int wait_quietly(const struct quiet *q)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	int n;

	do
		n = ppoll(&in, 1, NULL, &q->mask);
	while (n < 0 && errno == EINTR && !caught);
	return n < 0 ? -errno : 0;
}

/* 1 and a byte, or 0 at the end, or -errno. `q` NULL: no terminal. */
static int read_byte(char *c, const struct quiet *q)
{
	int err = q ? wait_quietly(q) : 0;
	ssize_t n;

	if (err)
		return err;
	do
		n = read(STDIN_FILENO, c, 1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* Nothing behind the line is taken. */
static int read_line(char buf[PASSWORD_MAX], const struct quiet *q,
		     char err[CONF_ERRLEN])
{
	size_t n = 0;
	char c;
	int got;

	while ((got = read_byte(&c, q)) == 1 && c != '\n') {
		if ((unsigned char)c < ' ' || c == 0x7f)
			return refuse(err, -EINVAL,
				      "expected a line of text, found a "
				      "control character");
		if (n + 1 == PASSWORD_MAX)
			return refuse(err, -EINVAL,
				      "expected at most 127 bytes");
		buf[n++] = c;
	}
	buf[n] = '\0';
	if (got < 0)
		return refuse(err, got, strerror(-got));
	return n ? 0 : refuse(err, -EINVAL, "expected one, found nothing");
}

static int ask(char buf[PASSWORD_MAX], const char *prompt,
	       const struct quiet *q, char err[CONF_ERRLEN])
{
	(void)fputs(prompt, stderr);
	return read_line(buf, q, err);
}

static int ask_twice(char buf[PASSWORD_MAX], const struct quiet *q,
		     char err[CONF_ERRLEN])
{
	char again[PASSWORD_MAX] = "";
	int e = ask(buf, "Password: ", q, err);

	if (!e)
		e = ask(again, "The same again: ", q, err);
	if (!e && strcmp(buf, again) != 0)
		e = refuse(err, -EINVAL, "the two are not the same");
	explicit_bzero(again, sizeof(again));
	return e;
}

int password_read(char buf[PASSWORD_MAX], char err[CONF_ERRLEN])
{
	struct quiet quiet;
	int e;

	if (tcgetattr(STDIN_FILENO, &quiet.was))
		return read_line(buf, NULL, err); /* no terminal */
	e = quiet_begin(&quiet);
	if (e)
		e = refuse(err, e, strerror(-e));
	else
		e = ask_twice(buf, &quiet, err);
	quiet_end(&quiet);
	return e;
}
