#include <errno.h>
#include <string.h>

#include "redirectd/record.h"

#include "redirectd/record_file.h"

#define FORMAT "pinhole-directory"
enum { VERSION = 1 };

struct reader {
	FILE *f;
	unsigned long line;
	size_t len;
	bool ended; /* the end has been said */
	char *err;
	char text[RECORD_LEN_MAX];
};

static int refuse(const struct reader *r, const char *why)
{
	(void)snprintf(r->err, CONF_ERRLEN, "line %lu: %s", r->line, why);
	return -EBADMSG;
}

int record_file_add(FILE *f, json_t *record)
{
	int err = record ? 0 : -ENOMEM;

	if (!err &&
	    (json_dumpf(record, f, JSON_COMPACT) || putc('\n', f) == EOF))
		err = errno ? -errno : -EIO;
	json_decref(record);
	return err;
}

int record_file_begin(FILE *f)
{
	return record_file_add(f, json_pack("{s:s, s:i}", "format", FORMAT,
					    "version", VERSION));
}

int record_file_end(FILE *f)
{
	int err = record_file_add(f, json_pack("{s:b}", "end", 1));

	return !err && fflush(f) ? -errno : err;
}

/* 1 and a line without its end, 0 behind the last one, or what is wrong. */
static int read_line(struct reader *r)
{
	int c;

	r->line++;
	r->len = 0;
	while ((c = getc_unlocked(r->f)) != EOF && c != '\n') {
		if (r->len == sizeof(r->text))
			return refuse(r, "longer than any record");
		r->text[r->len++] = (char)c;
	}
	if (ferror(r->f)) {
		(void)snprintf(r->err, CONF_ERRLEN, "line %lu: %s", r->line,
			       strerror(errno));
		return -EIO;
	}
	return c != EOF || r->len;
}

static int check_head(const struct reader *r, json_t *head)
{
	const char *format;
	int version;

	if (json_unpack_ex(head, NULL, JSON_STRICT, "{s:s, s:i}", "format",
			   &format, "version", &version) ||
	    strcmp(format, FORMAT) != 0)
		return refuse(r, "not an export of redirectd: expected "
				 "{\"format\":\"" FORMAT "\",\"version\":1}");
	return version == VERSION
		       ? 0
		       : refuse(r, "version: made by another redirectd, this "
				   "one knows 1");
}

static int read_record(struct reader *r, json_t *record, record_file_h *fn,
		       void *arg)
{
	if (r->line == 1)
		return check_head(r, record);
	if (r->ended)
		return refuse(r, "more behind the end");
	if (!json_is_true(json_object_get(record, "end")))
		return fn(record, r->line, arg, r->err);
	r->ended = true;
	return 0;
}

static int read_all(struct reader *r, record_file_h *fn, void *arg)
{
	int ret;

	while ((ret = read_line(r)) > 0) {
		json_t *record = record_parse(r->text, r->len);

		ret = record ? read_record(r, record, fn, arg)
			     : refuse(r, "not a JSON object");
		json_decref(record);
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	return r->ended ? 0
			: refuse(r, "cut off: the last is not "
				    "{\"end\":true}");
}

int record_file_read(FILE *f, record_file_h *fn, void *arg,
		     char err[CONF_ERRLEN])
{
	struct reader r = {.f = f, .err = err};

	return read_all(&r, fn, arg);
}
