#include <errno.h>
#include <string.h>

#include "redirectd/redis_value.h"

struct redis_value redis_value_of(const redisReply *reply)
{
	struct redis_value v = {NULL, 0};

	if (reply->type == REDIS_REPLY_STRING) {
		v.p = reply->str;
		v.len = reply->len;
	}
	return v;
}

json_t *redis_value_record(const struct redis_value *v)
{
	if (v->len <= REDIS_VALUE_HEAD || v->p[REDIS_REV_LEN] != ' ')
		return NULL;
	return record_parse(v->p + REDIS_VALUE_HEAD, v->len - REDIS_VALUE_HEAD);
}

int redis_value_client(struct record_client *c, json_t **jp, const char *id,
		       const struct redis_value *v)
{
	json_t *j = redis_value_record(v);

	if (!j || record_client(c, j) || strcmp(c->id, id)) {
		json_decref(j);
		return -EBADMSG;
	}
	*jp = j;
	return 0;
}
