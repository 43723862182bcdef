#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/pattern.h"

/* What stands at one place of a pattern: a character, or one of these; from
 * CLASS on the class of that number. */
enum { ONE = 256, RUN, CLASS };

enum { HEAD_MAX = 32 };

struct class
{
	uint32_t bits[8];
};

struct pattern {
	size_t nhead;
	unsigned char head[HEAD_MAX]; /* the characters it begins with */
	size_t n;
	size_t stars;
	size_t star; /* where the last one is */
	struct class *classes;
	size_t nclasses;
	uint16_t place[]; /* n of them */
};

/* A pattern on its way from text; `end` is behind the last character. */
struct reading {
	struct pattern *p;
	const char *at;
	const char *end;
	const char *why;
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character, escaped or not; returns the bytes it takes. */
static size_t read_char(unsigned char *c, const char *s, size_t left)
{
	*c = (unsigned char)*s;
	if (*s != '%' || left < 3 || hex(s[1]) < 0 || hex(s[2]) < 0)
		return 1;
	*c = (unsigned char)(hex(s[1]) * 16 + hex(s[2]));
	return 3;
}

int pattern_text_read(struct pattern_text *t, const char *text, size_t len)
{
	size_t i = 0;

	t->n = 0;
	if (len > UINT16_MAX)
		return -EMSGSIZE;
	while (i < len) {
		if (t->n == PATTERN_TEXT_MAX)
			return -EMSGSIZE;
		t->at[t->n] = (unsigned short)i;
		i += read_char(&t->c[t->n++], text + i, len - i);
	}
	t->at[t->n] = (unsigned short)len;
	return 0;
}

static int refuse(struct reading *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

/* A character that stands for itself. */
static int read_literal(unsigned char *c, struct reading *r)
{
	size_t n = read_char(c, r->at, (size_t)(r->end - r->at));

	if (n == 1 && *c == '%')
		return refuse(r, "two hex digits after a %");
	if (n == 1 && (*c <= ' ' || *c == 0x7f || strchr("<>\"@", *c)))
		return refuse(r, "characters of a client id in the pattern");
	r->at += n;
	return 0;
}

static bool class_has(const struct class *class, unsigned char c)
{
	return class->bits[c / 32] & UINT32_C(1) << c % 32;
}

/* "0-9" or "a" inside a class. */
static int read_span(struct class *class, struct reading *r)
{
	unsigned char lo, hi;
	int err = read_literal(&lo, r);

	hi = lo;
	if (!err && r->end - r->at > 1 && r->at[0] == '-' && r->at[1] != ']') {
		r->at++;
		err = read_literal(&hi, r);
	}
	if (err)
		return err;
	if (lo > hi)
		return refuse(r, "the lower character first, as in [0-9]");
	for (unsigned c = lo; c <= hi; c++)
		class->bits[c / 32] |= UINT32_C(1) << c % 32;
	return 0;
}

static int add_class(struct reading *r)
{
	struct pattern *p = r->p;
	struct class *more;

	if (p->nclasses == PATTERN_CLASSES_MAX)
		return refuse(r, "at most 16 [ ] in a pattern");
	more = realloc(p->classes, (p->nclasses + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->classes = more;
	memset(&more[p->nclasses++], 0, sizeof(*more));
	return 0;
}

/* From behind the "[" to behind the "]". */
static int read_class(uint16_t *place, struct reading *r)
{
	int err = add_class(r);

	if (err)
		return err;
	if (r->at < r->end && (*r->at == '!' || *r->at == '^'))
		return refuse(r, "what may stand there in [ ], not what not");
	if (r->at < r->end && *r->at == ']')
		return refuse(r, "characters in [ ]");
	*place = (uint16_t)(CLASS + r->p->nclasses - 1);
	while (!err && r->at < r->end && *r->at != ']')
		err = read_span(&r->p->classes[*place - CLASS], r);
	if (err)
		return err;
	if (r->at == r->end)
		return refuse(r, "a ] for each [");
	r->at++;
	return 0;
}

static int read_place(uint16_t *place, struct reading *r)
{
	unsigned char c;
	int err;

	switch (*r->at) {
	case '?':
		r->at++;
		*place = ONE;
		return 0;
	case '*':
		r->at++;
		*place = RUN;
		r->p->stars++;
		r->p->star = r->p->n;
		return 0;
	case '[':
		r->at++;
		return read_class(place, r);
	default:
		err = read_literal(&c, r);
		*place = c;
		return err;
	}
}

/* What tells most patterns of a table apart is compared at one go. */
static void set_head(struct pattern *p)
{
	size_t i;

	for (i = 0; i < p->n && i < HEAD_MAX && p->place[i] < ONE; i++)
		p->head[i] = (unsigned char)p->place[i];
	p->nhead = i;
}

int pattern_alloc(struct pattern **pp, const char *text, size_t len,
		  const char **why)
{
	struct reading r = {.at = text, .end = text + len};
	int err = 0;

	*why = "a pattern of 1 to 255 characters";
	if (!len || len >= PATTERN_TEXT_MAX)
		return -EINVAL;
	r.p = calloc(1, sizeof(*r.p) + len * sizeof(r.p->place[0]));
	if (!r.p)
		return -ENOMEM;
	while (!err && r.at < r.end) {
		err = read_place(&r.p->place[r.p->n], &r);
		r.p->n += !err;
	}
	if (err) {
		pattern_free(r.p);
		*why = r.why;
		return err;
	}
	set_head(r.p);
	*pp = r.p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (p)
		free(p->classes);
	free(p);
}

static bool fits(const struct pattern *p, uint16_t place, unsigned char c)
{
	if (place < ONE)
		return place == c;
	return place == ONE || class_has(&p->classes[place - CLASS], c);
}

/* Where it comes to nothing, the last run passed takes one character more:
 * what is behind it is tried anew, what is before it never. */
bool pattern_match(const struct pattern *p, const struct pattern_text *t)
{
	size_t i = p->nhead, k = i, behind = SIZE_MAX, taken = 0;

	if (t->n < p->nhead || memcmp(t->c, p->head, p->nhead) != 0)
		return false;
	while (k < t->n || i < p->n) {
		if (i < p->n && p->place[i] == RUN) {
			behind = ++i;
			taken = k;
		} else if (i < p->n && k < t->n &&
			   fits(p, p->place[i], t->c[k])) {
			i++;
			k++;
		} else if (behind != SIZE_MAX && taken < t->n) {
			i = behind;
			k = ++taken;
		} else {
			return false;
		}
	}
	return true;
}

bool pattern_has_one_star(const struct pattern *p)
{
	return p->stars == 1;
}

/* All other places are one character each. */
bool pattern_star(size_t *from, size_t *to, const struct pattern *p,
		  const struct pattern_text *t)
{
	if (p->stars != 1 || t->n + 1 < p->n)
		return false;
	*from = p->star;
	*to = t->n - (p->n - 1 - p->star);
	return true;
}
