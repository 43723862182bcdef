#ifndef COMMON_FINDINGS_H
#define COMMON_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What has been found out about a host and its peers, in the order of finding:
 * each with how grave it is, in words, and what to do about it.
 */
struct findings;

enum finding_level {
	FINDING_OK,
	FINDING_WARN, /* calls work, but less well or not for long */
	FINDING_FAIL, /* it breaks calls */
};

enum { FINDING_TEXT_MAX = 320, FINDINGS_MAX = 512 };

/* 0 or -ENOMEM; free with findings_free(). */
int findings_alloc(struct findings **fp);
void findings_free(struct findings *f);

/* `check` ("listen", "clock") and `advice` (one line; NULL or "": none) are
 * kept by reference. Beyond FINDINGS_MAX it is counted alone. */
void findings_add(struct findings *f, enum finding_level level,
		  const char *check, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* How many of this level there are, the counted ones too. */
size_t findings_count(const struct findings *f, enum finding_level level);

/* Those of `least` and graver, on stdout: lines for people, or one JSON array
 * of {"check", "level", "text", "advice"}. 0; -ENOMEM, or -EILSEQ where a text
 * is not UTF-8. */
int findings_print(const struct findings *f, enum finding_level least,
		   bool json);

/* "ok", "warn" or "fail". */
const char *finding_level_name(enum finding_level level);

#endif
