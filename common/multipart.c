#include <string.h>
#include <strings.h>

#include "common/multipart.h"
#include "common/strbuf.h"

static const char multipart[] = "multipart/";
static const char alternative[] = "alternative";

/* What the header of a part says. */
struct header {
	struct multipart_span type; /* the value of Content-Type */
	struct multipart_span length, encoding, disposition;
};

/* Where a body is cut: a line of "--" and the boundary. */
struct cutter {
	const char *boundary;
	struct multipart_span rest;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static void drop(struct multipart_span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

static void trim(struct multipart_span *s)
{
	while (s->len > 0 && is_space(s->p[0]))
		drop(s, 1);
	while (s->len > 0 && is_space(s->p[s->len - 1]))
		s->len--;
}

/* The next line with its ending; false at the end. */
static bool next_line(struct multipart_span *line, struct multipart_span *rest)
{
	const char *lf;

	if (rest->len == 0)
		return false;
	lf = memchr(rest->p, '\n', rest->len);
	*line = (struct multipart_span){rest->p, lf ? (size_t)(lf - rest->p) + 1
						    : rest->len};
	drop(rest, line->len);
	return true;
}

/* Whether a line is a delimiter; `last` of all. */
static bool is_delimiter(bool *last, struct multipart_span line,
			 const char *boundary)
{
	size_t n = strlen(boundary);

	if (line.len < n + 2 || memcmp(line.p, "--", 2) != 0 ||
	    memcmp(line.p + 2, boundary, n) != 0)
		return false;
	drop(&line, n + 2);
	*last = line.len >= 2 && memcmp(line.p, "--", 2) == 0;
	if (*last)
		drop(&line, 2);
	trim(&line);
	return line.len == 0;
}

/* The line ending before a delimiter is the delimiter's. */
static void drop_line_end(struct multipart_span *s)
{
	if (s->len > 0 && s->p[s->len - 1] == '\n')
		s->len--;
	if (s->len > 0 && s->p[s->len - 1] == '\r')
		s->len--;
}

/* What stands before the next delimiter; false where none comes, and the body
 * ends. */
static bool next_part(struct multipart_span *part, bool *last, struct cutter *c)
{
	struct multipart_span line;

	*part = c->rest;
	while (next_line(&line, &c->rest)) {
		if (!is_delimiter(last, line, c->boundary))
			continue;
		part->len = (size_t)(line.p - part->p);
		drop_line_end(part);
		return true;
	}
	*last = true;
	return false;
}

/* Whether a line is "NAME: VALUE" of this name. */
static bool is_named(struct multipart_span *value,
		     const struct multipart_span *line, const char *name)
{
	struct multipart_span rest = *line;
	size_t n = strlen(name);

	if (line->len <= n || strncasecmp(line->p, name, n) != 0)
		return false;
	drop(&rest, n);
	while (rest.len > 0 && is_blank(rest.p[0]))
		drop(&rest, 1);
	if (rest.len == 0 || rest.p[0] != ':')
		return false;
	drop(&rest, 1);
	trim(&rest);
	*value = rest;
	return true;
}

static void read_field(struct header *h, const struct multipart_span *field)
{
	const struct {
		const char *name;
		struct multipart_span *value;
	} fields[] = {
		{"Content-Type", &h->type},
		{"c", &h->type},
		{"Content-Length", &h->length},
		{"l", &h->length},
		{"Content-Transfer-Encoding", &h->encoding},
		{"Content-Encoding", &h->encoding},
		{"e", &h->encoding},
		{"Content-Disposition", &h->disposition},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (is_named(fields[i].value, field, fields[i].name))
			return;
}

/* The header of a part, up to the empty line; the part becomes its content.
 * False where it has none. */
static bool read_header(struct header *h, struct multipart_span *part)
{
	struct multipart_span line, field = {part->p, 0};

	memset(h, 0, sizeof(*h));
	while (next_line(&line, part) && line.p[line.len - 1] == '\n') {
		if (!is_blank(line.p[0])) {
			read_field(h, &field);
			field = line;
		} else {
			field.len += line.len; /* folded */
		}
		trim(&line);
		if (line.len == 0) {
			read_field(h, &field);
			return true;
		}
	}
	return false;
}

/* The token at the begin of a value is this word. */
static bool begins_with(const struct multipart_span *value, const char *word)
{
	size_t n = strlen(word);

	return value->len >= n && strncasecmp(value->p, word, n) == 0 &&
	       (value->len == n || value->p[n] == ';' || is_space(value->p[n]));
}

/* Whether what is in it can be read as it stands. */
static bool is_plain(const struct header *h)
{
	return h->encoding.len == 0 || begins_with(&h->encoding, "binary") ||
	       begins_with(&h->encoding, "7bit") ||
	       begins_with(&h->encoding, "8bit") ||
	       begins_with(&h->encoding, "identity");
}

/* The next ";name=value" of a Content-Type, quotes respected. */
static bool next_parameter(struct multipart_span *p,
			   struct multipart_span *rest)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->len && (quoted || rest->p[i] != ';'); i++) {
		if (quoted && rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '"')
			quoted = !quoted;
	}
	if (i > rest->len)
		i = rest->len;
	*p = (struct multipart_span){rest->p, i};
	drop(rest, i);
	if (rest->len > 0)
		drop(rest, 1);
	trim(p);
	return p->len > 0 || rest->len > 0;
}

/* What multipart it is, and its boundary; false where it is none. */
static bool read_multipart(struct multipart_span *subtype,
			   char boundary[MULTIPART_BOUNDARY_MAX + 1],
			   const struct multipart_span *type)
{
	static const char name[] = "boundary=";
	struct multipart_span rest = *type, p;

	if (type->len == 0 || !next_parameter(subtype, &rest) ||
	    subtype->len <= strlen(multipart) ||
	    strncasecmp(subtype->p, multipart, strlen(multipart)) != 0)
		return false;
	drop(subtype, strlen(multipart));
	while (next_parameter(&p, &rest)) {
		if (p.len > strlen(name) &&
		    strncasecmp(p.p, name, strlen(name)) == 0)
			return multipart_boundary(boundary, p.p + strlen(name),
						  p.len - strlen(name));
	}
	return false;
}

static bool find_within(struct multipart_part *out, struct multipart_span body,
			bool want_last, const char *boundary, const char *type,
			unsigned depth);

/* Whether a part is, or has within it, what is looked for. */
static bool look_into(struct multipart_part *out, struct multipart_span part,
		      const char *type, unsigned depth)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	struct multipart_span subtype;
	struct header h;
	unsigned level = 0;

	if (!read_header(&h, &part) || !is_plain(&h) ||
	    begins_with(&h.disposition, "early-session"))
		return false;
	if (begins_with(&h.type, type)) {
		*out = (struct multipart_part){.content = part};
	} else if (depth + 1 < MULTIPART_DEPTH_MAX &&
		   read_multipart(&subtype, boundary, &h.type) &&
		   find_within(out, part, begins_with(&subtype, alternative),
			       boundary, type, depth + 1)) {
		level = 1;
	} else {
		return false;
	}
	out->level[level].digits = h.length;
	out->level[level].length = part.len;
	return true;
}

static bool find_within(struct multipart_part *out, struct multipart_span body,
			bool want_last, const char *boundary, const char *type,
			unsigned depth)
{
	struct cutter c = {boundary, body};
	struct multipart_span part;
	bool last = false, found = false;

	if (!next_part(&part, &last, &c)) /* the preamble */
		return false;
	for (int i = 0; !last && i < MULTIPART_PARTS_MAX; i++) {
		/* the last one may have come without its delimiter */
		(void)next_part(&part, &last, &c);
		if (look_into(out, part, type, depth))
			found = true;
		if (found && !want_last)
			break;
	}
	return found;
}

bool multipart_find(struct multipart_part *out, const char *body, size_t len,
		    const char *subtype, const char *boundary, const char *type)
{
	return find_within(out, (struct multipart_span){body, len},
			   strcasecmp(subtype, alternative) == 0, boundary,
			   type, 0);
}

static void add_between(struct strbuf *out, const char *from, const char *to)
{
	strbuf_add(out, from, (size_t)(to - from));
}

static size_t digits_of(size_t n)
{
	size_t digits = 1;

	for (; n > 9; n /= 10)
		digits++;
	return digits;
}

int multipart_replace(struct strbuf *out, const char *body, size_t len,
		      const struct multipart_part *part, const char *content,
		      size_t content_len)
{
	size_t length[MULTIPART_DEPTH_MAX];
	const char *from = body;
	size_t grown = content_len - part->content.len; /* may be below 0 */

	for (unsigned i = 0; i < MULTIPART_DEPTH_MAX; i++) {
		length[i] = part->level[i].length + grown;
		if (part->level[i].digits.len > 0)
			grown += digits_of(length[i]) -
				 part->level[i].digits.len;
	}
	for (unsigned i = MULTIPART_DEPTH_MAX; i-- > 0;) {
		const struct multipart_span *d = &part->level[i].digits;

		if (d->len == 0)
			continue;
		add_between(out, from, d->p);
		strbuf_printf(out, "%zu", length[i]);
		from = d->p + d->len;
	}
	add_between(out, from, part->content.p);
	strbuf_add(out, content, content_len);
	add_between(out, part->content.p + part->content.len, body + len);
	return strbuf_err(out);
}

bool multipart_boundary(char out[MULTIPART_BOUNDARY_MAX + 1], const char *value,
			size_t len)
{
	bool quoted = len >= 2 && value[0] == '"' && value[len - 1] == '"';
	size_t n = 0;

	for (size_t i = quoted; i < len - quoted; i++) {
		if (quoted && value[i] == '\\' && i + 1 < len - quoted)
			i++;
		if (n == MULTIPART_BOUNDARY_MAX || value[i] == '\0')
			return false;
		out[n++] = value[i];
	}
	out[n] = '\0';
	return n > 0;
}
