#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "relayd/mos.h"

static double mos(const char *codec, double loss, double delay, double jitter)
{
	const struct mos_input in = {codec, loss, delay, jitter};

	return mos_estimate(&in);
}

/*
 * By hand. The first: d = 20 ms of packet, Id = 0.48, R = 92.72,
 * 1 + 0.035 * 92.72 + 92.72 * 32.72 * 7.28 * 7e-6 = 4.400.
 */
static const struct {
	struct mos_input in;
	double mos;
} vectors[] = {
	{{"PCMU", 0, 0, 0}, 4.400},       /* R 92.72 */
	{{"PCMA", 0.01, 0, 0}, 4.316},    /* Ie,eff 95 / 26.1, R 89.08 */
	{{"PCMU", 0.05, 100, 10}, 3.781}, /* d 140, R 74.06 */
	{{"PCMU", 0, 200, 0}, 4.140},     /* d 220: over the knee, R 83.22 */
	{{"PCMU", 1, 0, 0}, 1.165},       /* R 16.78 */
	{{"PCMU", 0.5, 400, 50}, 1},      /* R below 0 */
	{{"G729", 0, 0, 0}, 4.083},       /* d 25, Ie 11, R 81.60 */
	{{"G729", 0.02, 50, 5}, 3.697},   /* d 85, Ie,eff 19, R 72.16 */
	{{"GSM", 0, 0, 0}, 3.722},        /* Ie 20, R 72.72 */
};

START_TEST(by_hand)
{
	double got = mos_estimate(&vectors[_i].in);

	ck_assert_msg(fabs(got - vectors[_i].mos) < 0.0006, "row %d: %f", _i,
		      got);
}
END_TEST

START_TEST(unknown_codec_has_none)
{
	ck_assert(mos("H264", 0, 0, 0) == 0);
	ck_assert(mos("", 0, 0, 0) == 0);
	ck_assert(mos("PCMUX", 0, 0, 0) == 0);
	ck_assert(mos("OPUS", 0, 0, 0) > 4);
	ck_assert(mos("ilbc", 0, 0, 0) > 3.5);
}
END_TEST

/* Whatever is measured, it stays on the scale, and worse is never better. */
START_TEST(worse_is_never_better)
{
	static const char *const names[] = {
#define NAME(name, ie, bpl, delay) name,
		MOS_CODECS(NAME)
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int step = 0; step < 100; step++) {
			double at = mos(names[i], step / 100.0, step, step);

			ck_assert(at >= 1 && at <= 4.5);
			ck_assert(mos(names[i], (step + 1) / 100.0, step,
				      step) <= at);
			ck_assert(mos(names[i], step / 100.0, step + 20,
				      step) <= at);
			ck_assert(mos(names[i], step / 100.0, step,
				      step + 20) <= at);
		}
		ck_assert(mos(names[i], 0, 1e9, 1e9) == 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relayd_mos");
	TCase *tc = tcase_create("relayd_mos");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, by_hand, 0,
			    sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(tc, unknown_codec_has_none);
	tcase_add_test(tc, worse_is_never_better);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
