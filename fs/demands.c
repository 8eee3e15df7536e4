#include "fs/demands.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/offline.h"

/* A verifier key has two "+"; the names of few files do. */
static int read_key(const char *text, struct note_key *ret)
{
	char line[NOTE_VKEY_MAX + 2];
	ssize_t n;

	if (note_key_decode(BYTES(text, strlen(text)), ret) == 0)
		return 0;
	cleanup(close) int fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : offline_some(fd, (uint8_t *)line, sizeof(line));
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	return n <= 0 || n > NOTE_VKEY_MAX ? -1 :
		note_key_decode(BYTES(line, (size_t)n), ret);
}

const char *demands_witness(struct demands *d, const char *text)
{
	struct note_key *k = &d->witness[d->n_witnesses];
	size_t i;

	if (d->n_witnesses == VERIFY_WITNESSES)
		return "there are 16 witnesses already, the most allowed";
	if (read_key(text, k) != 0)
		return "it takes a verifier key, NAME+ID+KEY, or a file that "
			"holds one";
	for (i = 0; i < d->n_witnesses; i++)
		if (memcmp(k->key, d->witness[i].key, NOTE_KEY) == 0)
			return "its key was given already; each counts once";
	d->n_witnesses++;
	return NULL;
}

const char *demands_quorum(struct demands *d, const char *text)
{
	char *end;

	d->quorum = strtoul(text, &end, 10);
	d->have_quorum = text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
		d->quorum <= VERIFY_WITNESSES;
	return d->have_quorum ? NULL : "it takes a number from 1 to that of those "
		"named with --witness, which are 16 at most";
}

const char *demands_whole(struct demands *d)
{
	if (!d->have_quorum)
		d->quorum = d->n_witnesses;
	else if (d->quorum == 0 || d->quorum > d->n_witnesses)
		return "--witnesses takes a number from 1 to that of those named "
			"with --witness";
	return NULL;
}

void demands_meet(const struct demands *d, struct report *r)
{
	if (d == NULL)
		return;
	if (d->n_witnesses > 0)
		verify_witnesses(r, d->witness, d->n_witnesses, d->quorum);
	if (d->have_at)
		verify_at(r, d->at_ms);
}
