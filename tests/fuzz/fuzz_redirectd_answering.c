#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/table.h"
#include "redirectd/auth.h"
#include "redirectd/control_internal.h"
#include "redirectd/relays.h"
#include "redirectd/routes.h"
#include "redirectd/store.h"
#include "tests/fuzz/fuzz.h"

/*
 * Whatever a trusted proxy sends on: the directory answers it or drops it, what
 * it answers is SIP, and its table stays within its bounds. Each input is read
 * both ways, to a directory that asks for passwords and to one that does not.
 */
enum { KNOWN_MAX = 64 };

static struct control control;
static struct redirectd_counters counters;
static struct registrar registrar;
static struct directory directory;
static struct joining joining;
static struct auth *asks, *open_to_all;
static const dir_time now = 1700000000000;

static void add_user(struct store *s, const char *id)
{
	struct user u = {.name = "alice", .realm = "example.com"};
	const struct store_edit e = {.kind = STORE_USER, .id = id, .user = &u};

	for (int a = 0; a < DIGEST_ALGORITHMS; a++)
		MUST(!digest_ha1(&u.ha1[a], (enum digest_algorithm)a, u.name,
				 u.realm, "secret"));
	MUST(!store_edit(s, &e, NULL, NULL));
}

static void start_auth(void)
{
	struct auth_config cfg = {
		.realm = "",
		.mode = AUTH_ALWAYS,
		.algorithms = {DIGEST_SHA256, DIGEST_MD5},
		.nalgorithms = 2,
		.secret = "a secret of the fuzzer",
		.nonce_ms = 300000,
		.failures = 10,
	};

	MUST(!auth_alloc(&asks, &cfg, &counters));
	cfg.mode = AUTH_NEVER;
	MUST(!auth_alloc(&open_to_all, &cfg, &counters));
}

static void start(void)
{
	static char route[] = "0* sip:+49*@198.51.100.7", cluster[] = "pinhole";
	static char *lines[] = {route}, *names[] = {cluster};
	static const struct conf_strings list = {lines, 1},
					 clusters = {names, 1};
	struct table *expected;
	struct routes *routes;
	const struct store_config cfg = {.max = KNOWN_MAX, .now = now};
	char err[CONF_ERRLEN], why[256];

	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	MUST(!store_open(&directory.store, "memory", &cfg, err));
	add_user(directory.store, "alice@example.com");
	directory.n = registrar.n = joining.n = control.p.n = &counters;
	registrar.store = directory.store;
	registrar.limits =
		(struct registration_limits){3600, 60, 7200, BINDINGS_MAX};
	MUST(!table_alloc(&expected, 1));
	MUST(!routes_alloc(&routes, &list, why, sizeof(why)));
	directory.expected = expected;
	directory.routes = routes;
	MUST(!relays_alloc(&joining.relays));
	joining.clusters = &clusters;
	control.p.registrar = &registrar;
	control.p.directory = &directory;
	control.p.joining = &joining;
	start_auth();
}

static void must_be_sip(const struct strbuf *out)
{
	msg_t *msg;

	MUST(!sipmsg_parse(&msg, out->data, out->len, NULL));
	msg_destroy(msg);
}

static void ask(const sip_t *sip, const struct addr *src)
{
	struct asking a = {.sip = sip, .src = *src, .view = {.now = now}};
	struct strbuf out;
	int status;

	strbuf_init(&out, control.answer, sizeof(control.answer));
	status = answering_request(&control, &out, &a, true);
	MUST(status <= 0 || (status >= 200 && status < 700));
	if (status > 0)
		must_be_sip(&out);
	MUST(store_counts(directory.store).known <= KNOWN_MAX);
}

static void read_both_ways(const char *text, size_t size,
			   const struct addr *src)
{
	static struct sipmsg_brief brief;
	msg_t *msg;

	if (!sipmsg_brief_read(&brief, text, size, src) &&
	    answering_is_brief(&brief.sip))
		ask(&brief.sip, src);
	if (sipmsg_parse(&msg, text, size, NULL))
		return;
	if (sip_object(msg)->sip_request) {
		MUST(!sipmsg_via_received(msg, src, false));
		ask(sip_object(msg), src);
	}
	msg_destroy(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr src;

	if (!directory.store)
		start();
	MUST(!addr_parse(&src, "203.0.113.1:5060", 0));
	control.p.auth = asks;
	read_both_ways((const char *)data, size, &src);
	control.p.auth = open_to_all;
	read_both_ways((const char *)data, size, &src);
	return 0;
}
