#include <string.h>

#include "common/multipart.h"
#include "common/strbuf.h"
#include "tests/fuzz/fuzz.h"

/*
 * The part that was found is within the body; replaced, it is found again as
 * what was put there, and replaced once more by what it was, everything is to
 * the byte what it was but for what says how long a part is. The first byte
 * says which multipart it is; the boundary is "b".
 */
enum { BODY_MAX = 1 << 16, OUT_MAX = 2 * BODY_MAX };

static const char content[] = "v=0\r\ns=longer than most parts are\r\n";
static char out[OUT_MAX], back[OUT_MAX];

static bool says_length(const struct multipart_part *p)
{
	return p->level[0].digits.len > 0 || p->level[1].digits.len > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data + 1;
	struct multipart_part part, again;
	const char *subtype;
	struct strbuf sb;
	size_t len;

	if (size < 1 || size > BODY_MAX)
		return 0;
	len = size - 1;
	subtype = data[0] % 2 ? "alternative" : "mixed";
	if (!multipart_find(&part, body, len, subtype, "b", "application/sdp"))
		return 0;
	MUST(part.content.p >= body &&
	     part.content.p + part.content.len <= body + len);
	strbuf_init(&sb, out, sizeof(out));
	MUST(multipart_replace(&sb, body, len, &part, content,
			       strlen(content)) == 0);
	MUST(multipart_find(&again, out, sb.len, subtype, "b",
			    "application/sdp"));
	MUST(again.content.len == strlen(content) &&
	     memcmp(again.content.p, content, strlen(content)) == 0);
	MUST(says_length(&again) == says_length(&part));
	if (says_length(&part))
		return 0;
	len = sb.len;
	strbuf_init(&sb, back, sizeof(back));
	MUST(multipart_replace(&sb, out, len, &again, part.content.p,
			       part.content.len) == 0);
	MUST(sb.len == size - 1 && memcmp(back, body, size - 1) == 0);
	return 0;
}
