#include <errno.h>
#include <stdio.h>

#include "common/listing.h"
#include "redirectd/errand.h"

#include "redirectd/commands.h"

static int edit(const void *conf, const struct store_edit *edit,
		char err[CONF_ERRLEN])
{
	struct errand e;
	int ret = errand_begin(&e, conf, ERRAND_BESIDE, err);

	if (!ret)
		ret = errand_edit(&e, edit, err);
	if (ret == -ENOENT)
		(void)snprintf(err, CONF_ERRLEN, "%s: no such alias", edit->id);
	else if (ret == -EEXIST)
		(void)snprintf(err, CONF_ERRLEN,
			       "%s: is the id of a client or has aliases "
			       "itself, or %s is an alias",
			       edit->id, edit->alias_of);
	errand_end(&e);
	return ret;
}

int command_alias_add(const void *conf, const struct command_args *args,
		      char err[CONF_ERRLEN])
{
	char alias[REDIRECT_ID_MAX], of[REDIRECT_ID_MAX];
	const struct store_edit add = {
		.kind = STORE_ALIAS, .id = alias, .alias_of = of};
	int ret = command_id(alias, args, "ALIAS", err);

	if (!ret)
		ret = command_id(of, args, "ID", err);
	return ret ? ret : edit(conf, &add, err);
}

int command_alias_del(const void *conf, const struct command_args *args,
		      char err[CONF_ERRLEN])
{
	char alias[REDIRECT_ID_MAX];
	const struct store_edit del = {.kind = STORE_ALIAS, .id = alias};
	int ret = command_id(alias, args, "ALIAS", err);

	return ret ? ret : edit(conf, &del, err);
}

static int list_alias(const char *id, const char *of, void *arg)
{
	const char *const values[] = {id, of};

	return listing_row(arg, values);
}

int command_alias_list(const void *conf, const struct command_args *args,
		       char err[CONF_ERRLEN])
{
	static const char *const columns[] = {"alias", "id"};
	struct listing l;
	const struct store_visit visit = {.alias = list_alias, .arg = &l};
	struct errand e;
	int ret = errand_begin(&e, conf, ERRAND_BESIDE, err);

	if (!ret) {
		listing_begin(&l, columns, 2, command_value(args, "--json"));
		ret = errand_walk(&e, &visit, err);
		listing_end(&l);
	}
	errand_end(&e);
	return ret;
}
