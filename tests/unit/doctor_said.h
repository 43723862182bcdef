#ifndef TESTS_UNIT_DOCTOR_SAID_H
#define TESTS_UNIT_DOCTOR_SAID_H

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/findings.h"

/* What a doctor has found, as a person would read it. */

static struct findings *findings;
static char said[65536];

static void begin_findings(void)
{
	ck_assert_int_eq(findings_alloc(&findings), 0);
}

static void end_findings(void)
{
	findings_free(findings);
}

/* All that was found, through the real stdout. */
static const char *all_said(void)
{
	FILE *f = tmpfile();
	int out = dup(STDOUT_FILENO);
	size_t n;

	ck_assert_ptr_nonnull(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	ck_assert_int_eq(findings_print(findings, FINDING_OK, false), 0);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	return said;
}

static inline void assert_found(unsigned ok, unsigned warn, unsigned fail)
{
	const char *all = all_said();

	ck_assert_msg(findings_count(findings, FINDING_OK) == ok &&
			      findings_count(findings, FINDING_WARN) == warn &&
			      findings_count(findings, FINDING_FAIL) == fail,
		      "%s", all);
}

static inline void assert_said(const char *what)
{
	const char *all = all_said();

	ck_assert_msg(strstr(all, what) != NULL, "no \"%s\" in:\n%s", what,
		      all);
}

#endif
