#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/resolve.h"
#include "common/udp.h"
#include "tests/unit/dns_wire.h"
#include "tests/unit/dns_zone.h"

/* The resolver against a name server on loopback, in one loop. */
enum { SEEN_MAX = 64, TIMEOUT_MS = 900 };

static const char *const zone[] = {
	"example.com NAPTR 10 50 s SIP+D2U _sip._udp.example.com",
	"_sip._udp.example.com SRV 0 1 5060 a.example.com",
	"_sip._udp.example.com SRV 1 1 5070 b.example.com",
	"a.example.com A 192.0.2.1",
	"b.example.com A 192.0.2.2",
	"slow.example.com A !",
	"half.example.com NAPTR 10 50 s SIP+D2U _sip._udp.half.example.com",
	"_sip._udp.half.example.com SRV 0 1 5060 a.example.com",
	"_sip._udp.half.example.com SRV 1 1 5070 slow.example.com",
	NULL,
};

static uv_loop_t loop;
static struct udp *server;
static struct resolve *resolver;
static struct resolve_query query;
static char seen[SEEN_MAX][DNS_NAME_LEN];
static size_t nseen;

/* What handlers were told. */
static unsigned reports;
static int last_err;
static resolve_id last_id;
static uint64_t last_ref;
static char last_text[1024];

/* The question of a datagram: names are never compressed there. */
static enum dns_type question(char name[DNS_NAME_LEN], const uint8_t *data,
			      size_t len)
{
	size_t at = WIRE_QUESTION_AT, n = 0;

	while (at < len && data[at]) {
		if (n)
			name[n++] = '.';
		for (size_t i = 0; i < data[at]; i++)
			name[n++] = (char)data[at + 1 + i];
		at += 1u + data[at];
	}
	name[n] = '\0';
	ck_assert_uint_le(at + 5, len);
	return (enum dns_type)(data[at + 1] << 8 | data[at + 2]);
}

static void on_query(struct udp *u, const struct addr *src, char *data,
		     size_t len, void *arg)
{
	static struct dns_record rr[DNS_RECORDS_MAX];
	char name[DNS_NAME_LEN];
	enum dns_type type = question(name, (uint8_t *)data, len);
	struct dns_answer a;
	struct wire w;

	(void)arg;
	ck_assert_uint_lt(nseen, SEEN_MAX);
	(void)snprintf(seen[nseen++], DNS_NAME_LEN, "%.10s %.240s",
		       dnsmsg_type_name(type), name);
	zone_answer(&a, rr, zone, type, name);
	if (a.err == -ETIMEDOUT)
		return;
	wire_answer(&w, &a, type, name);
	memcpy(w.data, data, 2);
	ck_assert_int_eq(udp_send(u, src, w.data, w.len), 0);
}

static void open_resolver(size_t max)
{
	struct resolve_config cfg = {
		.loop = &loop, .max = max, .timeout_ms = TIMEOUT_MS};
	char where[ADDR_STRLEN];

	cfg.servers = addr_str(where, udp_local(server));
	ck_assert_int_eq(resolve_alloc(&resolver, &cfg), 0);
}

static void setup(void)
{
	struct addr local;

	nseen = reports = 0;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(addr_parse(&local, "127.0.0.1", 0), 0);
	ck_assert_int_eq(udp_listen(&server, &loop, &local, on_query, NULL), 0);
	open_resolver(0);
}

/* Nothing that was opened may stay in the loop. */
static void teardown(void)
{
	resolve_free(resolver);
	udp_close(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void on_result(resolve_id id, int err, const struct resolve_list *list,
		      uint64_t ref, void *arg)
{
	char one[CHANNEL_STRLEN];

	(void)arg;
	last_id = id;
	reports++;
	uv_stop(&loop);
	last_err = err;
	last_ref = ref;
	last_text[0] = '\0';
	ck_assert((list != NULL) == !err);
	for (size_t i = 0; list && i < list->n; i++) {
		strcat(last_text, i ? " " : "");
		strcat(last_text, channel_str(one, &list->v[i]));
	}
}

static void ask_for(const char *host)
{
	memset(&query, 0, sizeof(query));
	ck_assert_int_eq(resolve_query_host(&query, host, strlen(host), 0), 0);
	query.ip4 = 1u << TRANSPORT_UDP;
}

static resolve_id start(const char *host, uint64_t ref)
{
	unsigned before = reports;
	resolve_id id = 0;

	ask_for(host);
	ck_assert_int_eq(resolve_start(&id, resolver, &query, on_result, ref),
			 0);
	ck_assert(id);
	ck_assert_uint_eq(reports, before); /* never within */
	return id;
}

static void run_until(unsigned n)
{
	while (reports < n)
		uv_run(&loop, UV_RUN_DEFAULT);
}

START_TEST(whole_look_up_then_from_memory)
{
	struct resolve_list list;
	resolve_id id = start("Example.com", 7);

	run_until(1);
	ck_assert_uint_eq(last_id, id);
	ck_assert_int_eq(last_err, 0);
	ck_assert_uint_eq(last_ref, 7);
	ck_assert_str_eq(last_text, "192.0.2.1:5060 192.0.2.2:5070");
	ck_assert_uint_eq(nseen, 4);
	ck_assert_str_eq(seen[0], "NAPTR example.com");
	ck_assert_str_eq(seen[1], "SRV _sip._udp.example.com");
	ck_assert_uint_eq(resolve_pending(resolver), 0);

	ck_assert_int_eq(resolve_at_once(&list, resolver, &query), 0);
	ck_assert_uint_eq(list.n, 2);
	(void)start("example.com", 8);
	run_until(2);
	ck_assert_uint_eq(last_ref, 8);
	ck_assert_uint_eq(nseen, 4);
}
END_TEST

START_TEST(address_at_once)
{
	struct resolve_list list;

	ask_for("192.0.2.9");
	ck_assert_int_eq(resolve_at_once(&list, resolver, &query), 0);
	ck_assert_uint_eq(list.n, 1);
	ask_for("example.com");
	ck_assert_int_eq(resolve_at_once(&list, resolver, &query), -EAGAIN);
}
END_TEST

/* Many at one time for one name: each hears, and the server is asked once. */
START_TEST(equal_questions_are_asked_once)
{
	for (uint64_t i = 1; i <= 20; i++)
		(void)start("example.com", i);
	ck_assert_uint_eq(resolve_pending(resolver), 20);
	run_until(20);
	ck_assert_uint_eq(nseen, 4);
	ck_assert_uint_eq(resolve_counts(resolver)->questions, 4);
}
END_TEST

START_TEST(nothing_there)
{
	(void)start("none.example.com", 1);
	run_until(1);
	ck_assert_int_eq(last_err, -ENOENT);
	ck_assert_uint_eq(resolve_counts(resolver)->failures, 1);
	nseen = 0;
	(void)start("none.example.com", 2);
	run_until(2);
	ck_assert_int_eq(last_err, -ENOENT);
	ck_assert_uint_eq(nseen, 0); /* that is remembered too */
}
END_TEST

START_TEST(silence_ends)
{
	(void)start("slow.example.com", 1);
	run_until(1);
	ck_assert_int_eq(last_err, -ETIMEDOUT);
	ck_assert_uint_eq(resolve_pending(resolver), 0);
}
END_TEST

/* One target's name server is silent: the other is used without it. */
START_TEST(part_of_the_answer_is_enough)
{
	(void)start("half.example.com", 1);
	run_until(1);
	ck_assert_int_eq(last_err, 0);
	ck_assert_str_eq(last_text, "192.0.2.1:5060");
}
END_TEST

START_TEST(cancelled_is_not_told)
{
	resolve_id id = start("example.com", 1);

	(void)start("example.com", 2);
	resolve_cancel(resolver, id);
	resolve_cancel(resolver, id);
	resolve_cancel(resolver, 0);
	run_until(1);
	ck_assert_uint_eq(last_ref, 2);
	ck_assert_uint_eq(resolve_pending(resolver), 0);
	id = start("example.com", 3); /* ready, not yet told */
	resolve_cancel(resolver, id);
	(void)start("example.com", 4);
	run_until(2);
	ck_assert_uint_eq(last_ref, 4);
}
END_TEST

START_TEST(no_more_than_so_many)
{
	resolve_id id;

	resolve_free(resolver);
	open_resolver(2);
	(void)start("example.com", 1);
	(void)start("none.example.com", 2);
	ask_for("a.example.com");
	ck_assert_int_eq(resolve_start(&id, resolver, &query, on_result, 3),
			 -ENOSPC);
	ck_assert_uint_eq(resolve_counts(resolver)->refused, 1);
	run_until(2);
	(void)start("a.example.com", 4);
	run_until(3);
	ck_assert_int_eq(last_err, 0);
}
END_TEST

START_TEST(reload_goes_on_with_others)
{
	char where[ADDR_STRLEN];

	(void)addr_str(where, udp_local(server));
	ck_assert_int_eq(resolve_reload(resolver, "not an address"), -EINVAL);
	(void)start("example.com", 1);
	ck_assert_int_eq(resolve_reload(resolver, where), 0);
	run_until(1);
	ck_assert_int_eq(last_err, 0);
	ck_assert_uint_gt(resolve_known(resolver), 0);
	ck_assert_int_eq(resolve_reload(resolver, where), 0);
	ck_assert_uint_eq(resolve_known(resolver), 0);
}
END_TEST

START_TEST(free_ends_what_goes_on)
{
	(void)start("example.com", 1);
	(void)start("slow.example.com", 2);
	uv_run(&loop, UV_RUN_ONCE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tc = tcase_create("resolve");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, whole_look_up_then_from_memory);
	tcase_add_test(tc, address_at_once);
	tcase_add_test(tc, equal_questions_are_asked_once);
	tcase_add_test(tc, nothing_there);
	tcase_add_test(tc, silence_ends);
	tcase_add_test(tc, part_of_the_answer_is_enough);
	tcase_add_test(tc, cancelled_is_not_told);
	tcase_add_test(tc, no_more_than_so_many);
	tcase_add_test(tc, reload_goes_on_with_others);
	tcase_add_test(tc, free_ends_what_goes_on);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
