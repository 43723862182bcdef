#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/advice.h"
#include "common/findings.h"
#include "common/udp.h"

/* What is said to a host like this one; the test prints it into `out`. */
static struct findings *said;
static char out[8192];

static const struct advice_host good = {
	.rmem_max = UDP_BUFFER,
	.wmem_max = UDP_BUFFER,
	.backlog = ADVICE_BACKLOG,
	.local_lo = 32768,
	.local_hi = 60999,
	.reserved = "30000-39999",
	.files = 131072,
};

static void setup(void)
{
	ck_assert_int_eq(findings_alloc(&said), 0);
}

static void teardown(void)
{
	findings_free(said);
}

static const char *text(void)
{
	int saved = dup(STDOUT_FILENO);
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	ck_assert_int_eq(findings_print(said, FINDING_WARN, false), 0);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(f);
	out[fread(out, 1, sizeof(out) - 1, f)] = '\0';
	fclose(f);
	return out;
}

static size_t warnings(void)
{
	return findings_count(said, FINDING_WARN);
}

START_TEST(good_host_has_nothing_to_fear)
{
	advice_buffers(said, &good);
	advice_backlog(said, &good);
	advice_ports(said, &good, "media.ports", 30000, 39999);
	advice_files(said, &good, "media.ports", 131072);
	ck_assert_uint_eq(warnings(), 0);
	ck_assert_uint_eq(findings_count(said, FINDING_OK), 5);
}
END_TEST

/* Another network namespace does not show all of it: that is no news. */
START_TEST(unknown_is_no_finding)
{
	const struct advice_host h = {-1, -1, -1, -1, -1, "", -1};

	advice_buffers(said, &h);
	advice_backlog(said, &h);
	advice_ports(said, &h, "media.ports", 30000, 39999);
	advice_files(said, &h, "media.ports", 131072);
	ck_assert_uint_eq(warnings(), 0);
	ck_assert_uint_eq(findings_count(said, FINDING_OK), 0);
}
END_TEST

START_TEST(small_buffers)
{
	struct advice_host h = good;

	h.rmem_max = UDP_BUFFER - 1;
	h.wmem_max = 212992;
	h.backlog = 1000;
	advice_buffers(said, &h);
	advice_backlog(said, &h);
	ck_assert_uint_eq(warnings(), 3);
	ck_assert_ptr_nonnull(
		strstr(text(), "set net.core.rmem_max = 4194304\n"));
	ck_assert_ptr_nonnull(strstr(out, "net.core.wmem_max is 212992"));
	ck_assert_ptr_nonnull(
		strstr(out, "set net.core.netdev_max_backlog = 5000\n"));
}
END_TEST

static const struct {
	uint16_t lo, hi;
	const char *reserved;
	const char *set; /* NULL: good */
} ranges[] = {
	/* local ports are 32768 to 60999 */
	{30000, 32767, "", NULL},
	{61000, 65535, "", NULL},
	{30000, 32768, "", "= 30000-32768\n"},
	{60999, 65535, "", "= 60999-65535\n"},
	{40000, 40000, "", "= 40000\n"},
	{40000, 40000, "40000", NULL},
	{40000, 40000, "39999,40001", "= 39999,40001,40000\n"},
	{30000, 39999, "8080", "= 8080,30000-39999\n"},
	{30000, 39999, "8080,30000-39999", NULL},
	/* what is not local need not be reserved */
	{30000, 39999, "32768-39999", NULL},
	{30000, 39999, "32769-39999", "= 32769-39999,30000-39999\n"},
	{30000, 39999, "32768-39998", "= 32768-39998,30000-39999\n"},
	{30000, 39999, "32768-35000,35001-39999", NULL},
	{30000, 39999, "32768-35000,35002-39999",
	 "= 32768-35000,35002-39999,30000-39999\n"},
	{30000, 39999, "nonsense", "= nonsense,30000-39999\n"},
};

START_TEST(ports_that_others_may_get)
{
	struct advice_host h = good;

	memcpy(h.reserved, ranges[_i].reserved,
	       strlen(ranges[_i].reserved) + 1);
	advice_ports(said, &h, "media.ports", ranges[_i].lo, ranges[_i].hi);
	ck_assert_uint_eq(warnings(), ranges[_i].set ? 1 : 0);
	if (ranges[_i].set)
		ck_assert_ptr_nonnull(strstr(text(), ranges[_i].set));
}
END_TEST

START_TEST(port_that_is_listened_at)
{
	struct advice_host h = good;

	advice_listen(said, &h, "udp:127.0.0.1:5060");
	advice_listen(said, &h, "udp:127.0.0.1:30001");
	ck_assert_uint_eq(warnings(), 0);
	h.reserved[0] = '\0';
	advice_listen(said, &h, "tls:127.0.0.1:45061");
	ck_assert_uint_eq(warnings(), 1);
	ck_assert_ptr_nonnull(strstr(text(),
				     "listen 45061 overlaps "
				     "ip_local_port_range 32768-60999"));
}
END_TEST

START_TEST(too_few_files)
{
	struct advice_host h = good;

	h.files = 20000;
	advice_files(said, &h, "media.ports", 20001);
	ck_assert_uint_eq(warnings(), 1);
	ck_assert_ptr_nonnull(strstr(text(), "media.ports needs 20001 open "
					     "files, the limit is 20000\n"));
	ck_assert_ptr_nonnull(strstr(out, "LimitNOFILE="));
}
END_TEST

/* What is read here is what it is, or not known. */
START_TEST(this_host)
{
	struct advice_host h;

	advice_read(&h);
	ck_assert_int_ge(h.files, 64);
	ck_assert(h.local_lo == -1 || h.local_lo < h.local_hi);
	ck_assert_int_ge(h.rmem_max, -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("advice");
	TCase *t = tcase_create("advice");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, good_host_has_nothing_to_fear);
	tcase_add_test(t, unknown_is_no_finding);
	tcase_add_test(t, small_buffers);
	tcase_add_loop_test(t, ports_that_others_may_get, 0,
			    sizeof(ranges) / sizeof(ranges[0]));
	tcase_add_test(t, port_that_is_listened_at);
	tcase_add_test(t, too_few_files);
	tcase_add_test(t, this_host);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
