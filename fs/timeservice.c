#include "fs/timeservice.h"

#include <errno.h>
#include <string.h>

#include "core/timestamp.h"

static bool is_local(const struct timeservice_places *at, size_t i)
{
	return at->n == 0 || strcmp(at->url[i], TIMESERVICE_LOCAL) == 0;
}

const char *timeservice_wrong(const struct params *p, char *const *url,
	size_t n)
{
	const struct timeservice_places at = {.url = url, .n = n};
	size_t i;

	if ((n == 0 ? 1 : n) != p->n_authorities)
		return "there has to be one line tsa = for each timestamp "
			"authority of the vault, in their order";
	for (i = 0; i < p->n_authorities; i++)
		if (is_local(&at, i) !=
			(p->authority[i].type == TIMESTAMP_LOCAL))
			return "the lines tsa = are not in the order of the "
				"vault's timestamp authorities";
	return NULL;
}

static int open_all(const struct assembly *a, const struct params *p,
	const struct timeservice_places *at, struct timestamper **member,
	bool *ret_local)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < p->n_authorities; i++) {
		*ret_local = is_local(at, i);
		rc = *ret_local ? a->tsa_open(at->key_file, a->clock,
				at->newest_ms, &member[i])
			: a->tsa_remote(at->url[i], &p->authority[i],
				a->entropy, &member[i]);
	}
	return rc;
}

int timeservice_open(const struct assembly *a, const struct params *p,
	const struct timeservice_places *at, struct timestamper **ret,
	bool *ret_local)
{
	struct timestamper *member[PARAMS_AUTHORITIES_MAX] = {0};
	int rc = open_all(a, p, at, member, ret_local);
	size_t i;

	if (rc == 0 && p->n_authorities == 1) {
		*ret = member[0];
		return 0;
	}
	if (rc == 0)
		rc = a->tsa_several(member, p->n_authorities, p->quorum, ret);
	for (i = 0; rc != 0 && i < p->n_authorities; i++)
		if (member[i] != NULL)
			member[i]->ops->free(member[i]);
	return rc;
}
