#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/listing.h"
#include "proto/dialect.h"
#include "redirectd/errand.h"
#include "redirectd/password.h"

#include "redirectd/commands.h"

static int refuse(char err[CONF_ERRLEN], int e, const char *id, const char *why)
{
	(void)snprintf(err, CONF_ERRLEN, "%s: %s", id, why);
	return e;
}

/* As it will stand in credentials, between quotes, and before a colon in what
 * is hashed. */
static int set_name(struct user *u, const char *name, size_t len,
		    char err[CONF_ERRLEN])
{
	if (!len || len >= sizeof(u->name)) {
		(void)snprintf(err, CONF_ERRLEN,
			       "username: expected 1 to %zu bytes",
			       sizeof(u->name) - 1);
		return -EINVAL;
	}
	memcpy(u->name, name, len);
	u->name[len] = '\0';
	if (proto_text_ok(u->name, ":\"\\\t"))
		return 0;
	(void)snprintf(err, CONF_ERRLEN,
		       "username: expected a name without : \" \\ and control "
		       "characters");
	return -EINVAL;
}

/* --username and auth.realm, or else the two halves of the id. */
static int describe(struct user *u, const struct redirectd_conf *conf,
		    const struct command_args *args, const char *id,
		    char err[CONF_ERRLEN])
{
	const char *name = command_value(args, "--username");
	const char *at = strrchr(id, '@');
	int n = snprintf(u->realm, sizeof(u->realm), "%s",
			 *conf->auth_realm ? conf->auth_realm : at + 1);

	if (n < 0 || (size_t)n >= sizeof(u->realm))
		return refuse(err, -EINVAL, id, "the realm is too long");
	if (name)
		return set_name(u, name, strlen(name), err);
	return set_name(u, id, (size_t)(at - id), err);
}

static int ask_password(struct user *u, char err[CONF_ERRLEN])
{
	char password[PASSWORD_MAX];
	int e = password_read(password, err);

	for (int a = 0; !e && a < DIGEST_ALGORITHMS; a++) {
		e = digest_ha1(&u->ha1[a], (enum digest_algorithm)a, u->name,
			       u->realm, password);
		if (e)
			(void)snprintf(err, CONF_ERRLEN,
				       "password: OpenSSL cannot make the %s "
				       "hash",
				       digest_name((enum digest_algorithm)a));
	}
	explicit_bzero(password, sizeof(password));
	return e;
}

static int put_user(struct errand *e, const char *id, struct user *u,
		    char err[CONF_ERRLEN])
{
	const struct store_edit edit = {
		.kind = STORE_USER, .id = id, .user = u};
	int ret = ask_password(u, err);

	return ret ? ret : errand_edit(e, &edit, err);
}

static int add(struct errand *e, const char *id, struct user *u,
	       char err[CONF_ERRLEN])
{
	struct user known;
	int ret = errand_user(&known, e, id, err);

	if (!ret)
		return refuse(err, -EEXIST, id,
			      "is there already, user passwd changes it");
	return ret == -ENOENT ? put_user(e, id, u, err) : ret;
}

int command_user_add(const void *conf, const struct command_args *args,
		     char err[CONF_ERRLEN])
{
	char id[REDIRECT_ID_MAX];
	struct errand e;
	struct user u = {0};
	int ret = command_id(id, args, "ID", err);

	if (!ret)
		ret = describe(&u, conf, args, id, err);
	if (ret)
		return ret;
	ret = errand_begin(&e, conf, ERRAND_BESIDE, err);
	if (!ret)
		ret = add(&e, id, &u, err);
	errand_end(&e);
	return ret;
}

int command_user_passwd(const void *conf, const struct command_args *args,
			char err[CONF_ERRLEN])
{
	char id[REDIRECT_ID_MAX];
	struct errand e;
	struct user u;
	int ret = command_id(id, args, "ID", err);

	if (ret)
		return ret;
	ret = errand_begin(&e, conf, ERRAND_BESIDE, err);
	if (!ret)
		ret = errand_user(&u, &e, id, err);
	if (!ret)
		ret = put_user(&e, id, &u, err);
	else if (ret == -ENOENT)
		ret = refuse(err, ret, id, "no such user, user add makes one");
	errand_end(&e);
	return ret;
}

int command_user_del(const void *conf, const struct command_args *args,
		     char err[CONF_ERRLEN])
{
	char id[REDIRECT_ID_MAX];
	const struct store_edit edit = {.kind = STORE_USER, .id = id};
	struct errand e;
	int ret = command_id(id, args, "ID", err);

	if (ret)
		return ret;
	ret = errand_begin(&e, conf, ERRAND_BESIDE, err);
	if (!ret)
		ret = errand_edit(&e, &edit, err);
	if (ret == -ENOENT)
		ret = refuse(err, ret, id, "no such user");
	errand_end(&e);
	return ret;
}

/* Its hashes are nobody's to see. */
static int list_user(const char *id, const struct user *u, void *arg)
{
	const char *const values[] = {id, u->name, u->realm};

	return listing_row(arg, values);
}

int command_user_list(const void *conf, const struct command_args *args,
		      char err[CONF_ERRLEN])
{
	static const char *const columns[] = {"id", "username", "realm"};
	struct listing l;
	const struct store_visit visit = {.user = list_user, .arg = &l};
	struct errand e;
	int ret = errand_begin(&e, conf, ERRAND_BESIDE, err);

	if (!ret) {
		listing_begin(&l, columns, 3, command_value(args, "--json"));
		ret = errand_walk(&e, &visit, err);
		listing_end(&l);
	}
	errand_end(&e);
	return ret;
}
