#include <errno.h>
#include <string.h>

#include "common/framing.h"
#include "common/sipmsg.h"
#include "tests/fuzz/fuzz.h"

/*
 * However a stream is cut, the same messages and keepalives come out of it,
 * none longer than a message may be. The first byte says how to cut.
 */
enum { ITEMS_MAX = 1 << 16 };

struct told {
	uint64_t sum; /* over all that came out */
	size_t n;
	int err;
};

static void add(struct told *t, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		t->sum = (t->sum ^ (unsigned char)data[i]) * 1099511628211u;
	t->n++;
}

static void feed(struct told *t, struct framing *f, const char *data,
		 size_t len)
{
	char *msg = NULL;
	size_t n = 0;
	int item;

	MUST(framing_add(f, data, len) == 0);
	while ((item = framing_next(f, &msg, &n)) > 0) {
		if (item != FRAMING_MESSAGE) {
			add(t, item == FRAMING_PING ? "P" : "p", 1);
			continue;
		}
		MUST(n > 0 && n <= SIPMSG_MAX && msg[n] == '\0');
		add(t, msg, n);
		memset(msg, 'x', n);
	}
	MUST(item == 0 || item == -EBADMSG || item == -EMSGSIZE);
	MUST(t->n <= ITEMS_MAX);
	t->err = item;
}

static struct told read_stream(const char *data, size_t size, size_t piece)
{
	struct framing f = {0};
	struct told t = {0};

	for (size_t at = 0; at < size && !t.err; at += piece)
		feed(&t, &f, data + at, size - at < piece ? size - at : piece);
	framing_reset(&f);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, cut;

	if (size < 1 || size > ITEMS_MAX)
		return 0;
	whole = read_stream((const char *)data + 1, size - 1, size);
	cut = read_stream((const char *)data + 1, size - 1, data[0] + 1u);
	MUST(whole.sum == cut.sum && whole.n == cut.n);
	MUST((whole.err < 0) == (cut.err < 0));
	return 0;
}
