#include "common/command.h"

#include "tests/unit/daemon_fixture.h"

/* What the command saw when it ran. */
static struct {
	int runs;
	char id[64], name[64], file[64];
	bool json;
	int64_t max;
} ran;

static void keep(char to[64], const char *value)
{
	(void)snprintf(to, 64, "%s", value ? value : "(none)");
}

static int run_add(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN])
{
	ran.runs++;
	ran.max = ((const struct sample_conf *)conf)->max;
	keep(ran.id, command_value(args, "ID"));
	keep(ran.name, command_value(args, "--name"));
	keep(ran.file, command_value(args, "FILE"));
	ran.json = command_value(args, "--json") != NULL;
	if (strcmp(ran.id, "bad") != 0)
		return 0;
	(void)snprintf(err, CONF_ERRLEN, "user add: bad: no such thing");
	return -ENOENT;
}

static int run_list(const void *conf, const struct command_args *args,
		    char err[CONF_ERRLEN])
{
	(void)conf;
	(void)err;
	ck_assert_uint_eq(args->n, 0);
	ran.runs++;
	printf("listed\n");
	log_info("not to be seen");
	log_error("to be seen");
	return 0;
}

static const struct command commands[] = {
	{"user add", "ID [--name NAME] [--json] [FILE]", "make one", run_add},
	{"user list", "", "list them", run_list},
	{"dump", "ID FILE", "write it", run_add},
};

enum { NCOMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int run_words(const char *words)
{
	struct daemon_class c = class;
	char text[256], *argv[16] = {NULL}, *save = NULL;
	char name[] = "sampled";
	int argc = 0;

	c.commands = commands;
	c.ncommands = NCOMMANDS;
	(void)snprintf(text, sizeof(text), "%s", words);
	argv[argc++] = name;
	for (char *w = strtok_r(text, " ", &save); w && argc < 15;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	memset(&ran, 0, sizeof(ran));
	return run_args(&c, argc, argv);
}

static const struct {
	const char *words, *id, *name, *file;
	bool json;
} good[] = {
	{"user add a", "a", "(none)", "(none)", false},
	{"user add a f", "a", "(none)", "f", false},
	{"user add a -", "a", "(none)", "-", false},
	{"user add --json a f", "a", "(none)", "f", true},
	{"user add a --json f", "a", "(none)", "f", true},
	{"user add a f --json --name n", "a", "n", "f", true},
	{"user add --name=n a", "a", "n", "(none)", false},
	{"user add --name= a", "a", "", "(none)", false},
	{"user add --name --json a", "a", "--json", "(none)", false},
	{"user add --name -- a", "a", "--", "(none)", false},
	{"user add -- --json -x", "--json", "(none)", "-x", false},
	{"dump a f", "a", "(none)", "f", false},
};

START_TEST(arguments_are_read)
{
	ck_assert_msg(run_words(good[_i].words) == 0, "%s", out);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(ran.runs, 1);
	ck_assert_int_eq(ran.max, 5);
	ck_assert_str_eq(ran.id, good[_i].id);
	ck_assert_str_eq(ran.name, good[_i].name);
	ck_assert_str_eq(ran.file, good[_i].file);
	ck_assert(ran.json == good[_i].json);
	ck_assert_int_eq(seen.starts, 0);
}
END_TEST

#define ADD ", expected: user add ID [--name NAME] [--json] [FILE]\n"

static const struct {
	const char *words, *want;
} bad[] = {
	{"usr add a", "sampled: unknown command usr add, the nearest is user "
		      "add, -h lists them\n"},
	{"user", "sampled: unknown command user, the nearest is user add, -h "
		 "lists them\n"},
	{"user lst", "sampled: unknown command user lst, the nearest is user "
		     "list, -h lists them\n"},
	{"dum a", "sampled: unknown command dum a, the nearest is dump, -h "
		  "lists them\n"},
	{"user add", "sampled: user add: missing ID" ADD},
	{"user add --name n", "sampled: user add: missing ID" ADD},
	{"dump a", "sampled: dump: missing FILE, expected: dump ID FILE\n"},
	{"user add a f g", "sampled: user add: unexpected argument g" ADD},
	{"user list a", "sampled: user list: unexpected argument a, expected: "
			"user list\n"},
	{"user add a --jsn", "sampled: user add: unknown option --jsn" ADD},
	{"user add a -x", "sampled: user add: unknown option -x" ADD},
	{"user add a --name", "sampled: user add: needs a value: --name" ADD},
	{"user add a --json=1",
	 "sampled: user add: takes no value: --json=1" ADD},
	{"user add a --json --json",
	 "sampled: user add: given twice: --json" ADD},
	{"user add a --name= --name=n",
	 "sampled: user add: given twice: --name=n" ADD},
	{"-t user list",
	 "sampled: user list: only -c FILE can stand before it\n"},
	{"user add bad", "sampled: user add: bad: no such thing\n"},
	{"-c /none.json user list",
	 "sampled: /none.json: No such file or directory\n"},
};

START_TEST(a_mistake_is_one_line)
{
	ck_assert_int_eq(run_words(bad[_i].words), 1);
	ck_assert_str_eq(out, bad[_i].want);
	ck_assert_int_eq(ran.runs, strstr(bad[_i].words, "bad") ? 1 : 0);
	ck_assert_int_eq(seen.starts, 0);
}
END_TEST

START_TEST(configuration_is_loaded_first)
{
	char words[128];

	write_conf("{\"max\": 7}");
	(void)snprintf(words, sizeof(words), "-c %s user add a", path);
	ck_assert_int_eq(run_words(words), 0);
	ck_assert_int_eq(ran.max, 7);
	ck_assert_int_eq(setenv("SAMPLED_MAX", "8", 1), 0);
	ck_assert_int_eq(run_words(words), 0);
	ck_assert_int_eq(ran.max, 8);
	ck_assert_int_eq(setenv("SAMPLED_MAX", "13", 1), 0);
	ck_assert_int_eq(run_words(words), 1);
	ck_assert_str_eq(out, "sampled: max: 13 brings bad luck\n");
	ck_assert_int_eq(ran.runs, 0);
}
END_TEST

/* Nothing but errors is logged, unless all is asked for. */
START_TEST(a_command_logs_errors)
{
	ck_assert_int_eq(run_words("user list"), 0);
	ck_assert_ptr_nonnull(strstr(out, "listed\n"));
	ck_assert_ptr_null(strstr(out, "not to be seen"));
	ck_assert_ptr_nonnull(strstr(out, "msg=\"to be seen\""));
	ck_assert_int_eq(setenv("SAMPLED_LOG", "debug", 1), 0);
	ck_assert_int_eq(run_words("user list"), 0);
	ck_assert_ptr_nonnull(strstr(out, "msg=\"not to be seen\""));
}
END_TEST

START_TEST(help_lists_the_commands)
{
	ck_assert_int_eq(run_words("-h"), 0);
	ck_assert_ptr_nonnull(strstr(out, "[-h] [COMMAND]\n"));
	ck_assert_ptr_nonnull(
		strstr(out, "  user add ID [--name NAME] [--json] [FILE]"));
	ck_assert_ptr_nonnull(strstr(out, "make one\n"));
	ck_assert_ptr_nonnull(strstr(out, "  user list  "));
	ck_assert_int_eq(run_words("user add -h"), 0);
	ck_assert_str_eq(out, "Usage: sampled [-c FILE] user add ID [--name "
			      "NAME] [--json] [FILE]\nuser add: make one\n");
	ck_assert_int_eq(run_words("user list --help"), 0);
	ck_assert_str_eq(out, "Usage: sampled [-c FILE] user list\n"
			      "user list: list them\n");
	ck_assert_int_eq(run("-h", NULL), 0);
	ck_assert_ptr_null(strstr(out, "ommand"));
}
END_TEST

START_TEST(output_that_is_not_taken_is_an_error)
{
	struct daemon_class c = class;
	char name[] = "sampled", user[] = "user", list[] = "list";
	char *argv[] = {name, user, list, NULL};
	int saved = dup(STDOUT_FILENO);
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	c.commands = commands;
	c.ncommands = NCOMMANDS;
	(void)fflush(stdout);
	ck_assert_int_ge(dup2(fileno(full), STDOUT_FILENO), 0);
	int status = daemon_main(&c, 3, argv);

	ck_assert_int_ge(dup2(saved, STDOUT_FILENO), 0);
	(void)close(saved);
	(void)fclose(full);
	ck_assert_int_eq(status, 1);
}
END_TEST

#define LOOP(test, table)                                                      \
	tcase_add_loop_test(t, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("command");
	TCase *t = tcase_create("command");

	tcase_add_checked_fixture(t, setup, teardown);
	LOOP(arguments_are_read, good);
	LOOP(a_mistake_is_one_line, bad);
	tcase_add_test(t, configuration_is_loaded_first);
	tcase_add_test(t, a_command_logs_errors);
	tcase_add_test(t, help_lists_the_commands);
	tcase_add_test(t, output_that_is_not_taken_is_an_error);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failures = srunner_ntests_failed(r);

	srunner_free(r);
	return failures != 0;
}
