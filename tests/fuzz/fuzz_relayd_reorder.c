#include <string.h>

#include "relayd/reorder.h"
#include "tests/fuzz/fuzz.h"

/*
 * Any packets at any time: each leaves once, whole and in time, or is counted
 * as dropped; no more are held than may be.
 * Four bytes of input are a packet: the step of its number (two bytes), the
 * time since the last one, then SSRC (two bits) and length.
 */
enum { STEP = 4, WAIT_MS = 50, PACKETS = 4096 };

struct seen {
	struct reorder *r;
	uint64_t now;
	uint64_t came[PACKETS], left[PACKETS]; /* 0: not */
	size_t len[PACKETS];
	size_t n, out;
};

static struct seen s;
static uint8_t bytes[4 * REORDER_LEN_MAX];

/* The packet begins with its index. */
static void on_out(const uint8_t *data, size_t len, void *arg)
{
	uint16_t i = (uint16_t)(data[0] << 8 | data[1]);

	MUST(arg == &s);
	MUST(i < s.n && !s.left[i] && len == s.len[i]);
	MUST(data[len - 1] == (uint8_t)i);
	MUST(s.now >= s.came[i] && s.now <= s.came[i] + WAIT_MS);
	s.left[i] = s.now;
	s.out++;
}

static void pass_time(uint64_t until)
{
	while (reorder_due(s.r) <= until) {
		MUST(reorder_due(s.r) >= s.now);
		s.now = reorder_due(s.r);
		reorder_run(s.r, s.now);
		MUST(reorder_due(s.r) > s.now);
	}
	s.now = until;
}

static void check_books(void)
{
	const struct reorder_counts *n = reorder_counts(s.r);
	size_t held = s.n - s.out - n->late - n->duplicates;

	MUST(held <= REORDER_HELD_MAX);
	MUST((held == 0) == (reorder_due(s.r) == UINT64_MAX));
}

static void push(const uint8_t step[STEP], uint16_t *seq)
{
	struct reorder_packet p = {.data = bytes, .ssrc = step[3] & 3};

	*seq = (uint16_t)(*seq + (step[0] << 8 | step[1]));
	p.seq = *seq;
	p.len = 3 + (size_t)(step[3] >> 2) * 40; /* some are too long */
	bytes[0] = (uint8_t)(s.n >> 8);
	bytes[1] = (uint8_t)s.n;
	bytes[p.len - 1] = (uint8_t)s.n;
	s.came[s.n] = s.now;
	s.len[s.n] = p.len;
	s.n++;
	(void)reorder_push(s.r, &p, s.now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t seq = 0;

	memset(&s, 0, sizeof(s));
	s.now = 1;
	MUST(!reorder_alloc(&s.r, WAIT_MS, on_out, &s));
	for (; size >= STEP && s.n < PACKETS; data += STEP, size -= STEP) {
		pass_time(s.now + data[2]);
		push(data, &seq);
		check_books();
	}
	pass_time(s.now + WAIT_MS);
	MUST(reorder_due(s.r) == UINT64_MAX);
	check_books();
	reorder_free(s.r);
	return 0;
}
