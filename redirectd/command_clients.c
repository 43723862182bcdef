#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redirectd/errand.h"
#include "redirectd/import.h"
#include "redirectd/record.h"
#include "redirectd/record_file.h"

#include "redirectd/commands.h"

/* A directory on its way into a file. */
struct export
{
	FILE *f;
	const char *path; /* NULL: stdout */
	char *temp;       /* what will be `path` when all is in it */
	int failed;       /* the file does not take it */
	size_t clients, bindings, users, aliases;
	size_t unsaid; /* clients with text that JSON cannot say */
};

static int put(struct export *x, json_t *record, size_t *count)
{
	x->failed = record_file_add(x->f, record);
	*count += !x->failed;
	return x->failed ? 1 : 0;
}

static int put_client(const struct client *c, void *arg)
{
	struct export *x = arg;
	json_t *record = record_of_client(c->id, c->v, c->n);

	if (!record) {
		x->unsaid++;
		return 0;
	}
	x->bindings += c->n;
	return put(x, record, &x->clients);
}

static int put_user(const char *id, const struct user *u, void *arg)
{
	struct export *x = arg;

	return put(x, record_of_user(id, u), &x->users);
}

static int put_alias(const char *id, const char *of, void *arg)
{
	struct export *x = arg;

	return put(x, record_of_alias(id, of), &x->aliases);
}

static int write_all(struct export *x, struct errand *e, char err[CONF_ERRLEN])
{
	const struct store_visit visit = {
		.client = put_client,
		.user = put_user,
		.alias = put_alias,
		.arg = x,
	};
	int ret;

	x->failed = record_file_begin(x->f);
	ret = x->failed ? 0 : errand_walk(e, &visit, err);
	if (!ret && !x->failed)
		x->failed = record_file_end(x->f);
	return ret < 0 ? ret : 0;
}

static int refuse_path(char err[CONF_ERRLEN], const char *path, const char *why)
{
	(void)snprintf(err, CONF_ERRLEN, "%.300s: %s", path, why);
	return -EIO;
}

/* It has hashes, which others must not read, whatever stood there before. */
static int open_temp(struct export *x, char err[CONF_ERRLEN])
{
	struct stat st;
	int fd;

	if (!lstat(x->path, &st) && !S_ISREG(st.st_mode))
		return refuse_path(err, x->path,
				   "is no plain file, - writes to stdout");
	if (asprintf(&x->temp, "%s.XXXXXX", x->path) < 0) {
		x->temp = NULL;
		return refuse_path(err, x->path, "out of memory");
	}
	fd = mkostemp(x->temp, O_CLOEXEC); /* 0600 */
	x->f = fd < 0 ? NULL : fdopen(fd, "w");
	if (x->f)
		return 0;
	(void)refuse_path(err, x->path, strerror(errno));
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(x->temp);
	}
	free(x->temp);
	x->temp = NULL;
	return -EIO;
}

/* On the disk first, then under its name. */
static int close_temp(struct export *x, bool keep)
{
	int e = 0;

	if (keep && fsync(fileno(x->f)))
		e = -errno;
	if (fclose(x->f) && !e)
		e = -errno;
	if (keep && !e && rename(x->temp, x->path))
		e = -errno;
	if (!keep || e)
		(void)unlink(x->temp);
	free(x->temp);
	return e;
}

/* Where the records go to stdout it has no place there. */
static void report_export(const struct export *x)
{
	FILE *to = x->path ? stdout : stderr;

	(void)fprintf(to,
		      "exported %zu clients (%zu bindings), %zu users, %zu "
		      "aliases\n",
		      x->clients, x->bindings, x->users, x->aliases);
	if (x->unsaid)
		(void)fprintf(to,
			      "left out %zu clients whose bindings are not "
			      "UTF-8\n",
			      x->unsaid);
}

static int run_export(struct export *x, struct errand *e, char err[CONF_ERRLEN])
{
	int ret = x->path ? open_temp(x, err) : 0;

	if (ret)
		return ret;
	ret = write_all(x, e, err);
	if (x->temp) {
		int failed = close_temp(x, !ret && !x->failed);

		x->failed = x->failed ? x->failed : failed;
	}
	if (!ret && x->failed)
		ret = refuse_path(err, x->path ? x->path : "stdout",
				  strerror(-x->failed));
	if (!ret)
		report_export(x);
	return ret;
}

/* NULL: the standard one. */
static const char *file_of(const struct command_args *args)
{
	const char *path = command_value(args, "FILE");

	return path && strcmp(path, "-") != 0 ? path : NULL;
}

int command_clients_export(const void *conf, const struct command_args *args,
			   char err[CONF_ERRLEN])
{
	struct export x = {.f = stdout, .path = file_of(args)};
	struct errand e;
	int ret = errand_begin(&e, conf, ERRAND_BESIDE, err);

	if (!ret)
		ret = run_export(&x, &e, err);
	errand_end(&e);
	return ret;
}

static int on_check(json_t *record, unsigned long line, void *arg,
		    char err[CONF_ERRLEN])
{
	(void)arg;
	return import_check(record, line, err);
}

static int on_take(json_t *record, unsigned long line, void *arg,
		   char err[CONF_ERRLEN])
{
	return import_take(arg, record, line, err);
}

/* A file that can be read twice is looked through first: then a mistake in it
 * changes nothing. */
static int check_file(FILE *f, char err[CONF_ERRLEN])
{
	long at = ftell(f);
	int ret;

	if (at < 0)
		return 0;
	ret = record_file_read(f, on_check, NULL, err);
	if (!ret && fseek(f, at, SEEK_SET)) {
		ret = -errno;
		(void)snprintf(err, CONF_ERRLEN, "%s", strerror(errno));
	}
	return ret;
}

static void report_import(const struct import_counts *n)
{
	printf("imported %zu clients (%zu bindings; %zu that had run out were "
	       "left out), %zu users, %zu aliases\n",
	       n->clients, n->bindings, n->expired, n->users, n->aliases);
}

/* Some of it is in all the same. */
static void add_to_line(char err[CONF_ERRLEN], const struct import_counts *n)
{
	size_t len = strnlen(err, CONF_ERRLEN);

	(void)snprintf(err + len, CONF_ERRLEN - len,
		       " (before that came in: %zu clients, %zu users, %zu "
		       "aliases)",
		       n->clients, n->users, n->aliases);
}

static int import_file(FILE *f, struct errand *e, char err[CONF_ERRLEN])
{
	struct import *im = NULL;
	struct import_counts n = {0};
	char more[CONF_ERRLEN]; /* of what is under way when a line is bad */
	int ret = import_open(&im, e);

	if (ret)
		(void)snprintf(err, CONF_ERRLEN, "out of memory");
	else
		ret = record_file_read(f, on_take, im, err);
	if (im) {
		int end = import_finish(im, ret ? more : err);

		ret = ret ? ret : end;
		n = import_counts(im);
	}
	errand_end(e);
	import_close(im);
	if (!ret)
		report_import(&n);
	else if (n.clients + n.users + n.aliases)
		add_to_line(err, &n);
	return ret;
}

static int refuse_busy(char err[CONF_ERRLEN])
{
	(void)snprintf(err, CONF_ERRLEN,
		       "store: a redirectd that runs serves this one from "
		       "memory, stop it before an import");
	return -EBUSY;
}

/* `path` NULL: stdin. */
static int read_file(FILE *f, const char *path, const void *conf,
		     char err[CONF_ERRLEN])
{
	char why[CONF_ERRLEN] = "";
	struct errand e;
	int ret = check_file(f, why);

	if (!ret) {
		ret = errand_begin(&e, conf, ERRAND_BULK, err);
		if (ret) {
			errand_end(&e);
			return ret == -EBUSY ? refuse_busy(err) : ret;
		}
		ret = import_file(f, &e, why);
	}
	if (ret)
		(void)snprintf(err, CONF_ERRLEN, "%.200s: %.300s",
			       path ? path : "stdin", why);
	return ret;
}

int command_clients_import(const void *conf, const struct command_args *args,
			   char err[CONF_ERRLEN])
{
	const char *path = file_of(args);
	FILE *f = path ? fopen(path, "re") : stdin;
	int ret;

	if (!f)
		return refuse_path(err, path, strerror(errno));
	ret = read_file(f, path, conf, err);
	if (path)
		(void)fclose(f);
	return ret;
}
