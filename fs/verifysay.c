#include "fs/verifysay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/report.h"
#include "core/text.h"
#include "core/verdict.h"
#include "fs/verifyone.h"

static int print_json(struct json *j, int exit)
{
	struct buf out = {0};
	int rc = json_end(j, &out);

	if (rc == 0)
		rc = buf_add(&out, "\n", 1);
	return verify_print(rc, &out, exit);
}

static int print_text(struct text *t, int exit)
{
	struct buf out = {0};

	return verify_print(text_end(t, &out), &out, exit);
}

/* -- a tree */

static int tree_json(
	const struct verifytree_counts *n, const struct hash *anchor, int exit)
{
	char hex[HASH_HEX + 1], time[REPORT_TIME];
	struct json j = {0};

	if (anchor != NULL)
		hex_encode(HASH_BYTES(anchor), hex);
	report_time(n->latest_ms, time);
	json_object(&j, NULL);
	json_uint(&j, "valid", n->valid);
	json_uint(&j, "refused", n->refused);
	json_uint(&j, "incomplete", n->incomplete);
	json_uint(&j, "renamed", n->renamed);
	json_uint(&j, "passed_over", n->others);
	json_text(&j, "trust", n->valid > 0 ? vouched_name(n->trust) : NULL);
	json_text(&j, "existed_by", n->valid > 0 ? time : NULL);
	json_text(&j, "anchor", anchor != NULL ? hex : NULL);
	json_close_object(&j);
	return print_json(&j, exit);
}

static void tree_proof(struct text *t, const struct verifytree_counts *n)
{
	char time[REPORT_TIME];

	report_time(n->latest_ms, time);
	text_say(t, "trust: %s\nProved of each valid one: exactly its bytes were "
		"recorded under its name%s,\n  in the chain that the anchor "
		"names, and existed by %s at the latest.\n  What its own times "
		"are, and on whose word, is said of one file by itself.\n",
		vouched_text(n->trust),
		n->renamed > 0 ? " (the noted ones: under another)" : "", time);
	text_say(t, "Not proved: that no file is missing here, that a content is "
		"not older, who wrote it,\n  or that it is true.\n");
}

static int tree_text(
	const struct verifytree_counts *n, const struct hash *anchor, int exit)
{
	struct text t = {0};

	text_say(&t, "%" PRIu64 " valid, %" PRIu64 " refused, %" PRIu64
		" incomplete\n", n->valid, n->refused, n->incomplete);
	if (n->others > 0)
		text_say(&t, "passed over: %" PRIu64 " that are no regular files, "
			"as symbolic links\n", n->others);
	if (n->valid > 0)
		tree_proof(&t, n);
	if (anchor == NULL)
		text_say(&t, "without --anchor nothing is called valid: "
			"`notaryfs anchor VAULT` prints it\n");
	else if (n->valid + n->refused + n->incomplete == 0)
		text_say(&t, "there is no file to check, so nothing is proved\n");
	return print_text(&t, exit);
}

int verifysay_tree(const struct verifytree_counts *n, const struct hash *anchor,
	bool json)
{
	int exit = n->refused > 0 ? EXIT_REFUSED :
		n->incomplete > 0 || n->valid == 0 ? EXIT_INCOMPLETE
						   : EXIT_VALID;

	return json ? tree_json(n, anchor, exit) : tree_text(n, anchor, exit);
}

/* The folder stands for what is below it. */
int verifysay_no_tree(const char *folder, const char *why,
	const struct hash *anchor, bool json)
{
	const struct verifytree_counts n = {.incomplete = 1};
	struct buf line = {0};
	int rc;

	verify_fail(folder, why);
	if (!json)
		return EXIT_INCOMPLETE;
	rc = verifybatch_json(".", "unread", why, NULL, &line);
	if (rc == 0)
		rc = buf_add(&line, "\n", 1);
	verify_print(rc, &line, EXIT_INCOMPLETE);
	return verifysay_tree(&n, anchor, true);
}

/* -- a log */

/* Keys are always there; what is refused or unread establishes nothing. */
static int log_json(const struct verifysay_log *s, bool known,
	const char *verdict, const char *why, int exit)
{
	const struct verifylog *l = s->log;
	char root[HASH_HEX + 1], anchor[HASH_HEX + 1];
	struct json j = {0};
	size_t i;

	hex_encode(HASH_BYTES(&l->root), root);
	hex_encode(HASH_BYTES(&l->anchor), anchor);
	json_object(&j, NULL);
	json_text(&j, "verdict", verdict);
	json_bool(&j, "valid", exit == EXIT_VALID);
	json_text(&j, "reason", why);
	json_text(&j, "trust", known ? vouched_name(l->trust) : NULL);
	json_uint_or_null(&j, "size", known, l->size);
	json_text(&j, "root", known ? root : NULL);
	json_text(&j, "anchor", known ? anchor : NULL);
	json_uint_or_null(&j, "epoch", known, l->epoch);
	json_array(&j, "grown_from");
	for (i = 0; known && i < s->n_old; i++)
		json_text(&j, NULL, s->old[i]);
	json_close_array(&j);
	json_close_object(&j);
	return print_json(&j, exit);
}

static int log_text(const struct verifysay_log *s, int exit)
{
	const struct verifylog *l = s->log;
	struct text t = {0};

	text_say(&t, "%s%" PRIu64 " entries, root ", s->anchored ? "valid: "
			: "no anchor given: ", l->size);
	text_hex(&t, HASH_BYTES(&l->root));
	text_say(&t, "\n  of the chain ");
	text_hex(&t, HASH_BYTES(&l->anchor));
	text_say(&t, ", signed in epoch %u\n", (unsigned)l->epoch);
	if (s->n_old > 0)
		text_say(&t, "  it has grown from %s\n", s->n_old == 1
				? "the older checkpoint"
				: "each of the older checkpoints");
	text_say(&t, "trust: %s\n", vouched_text(l->trust));
	if (s->anchored)
		text_say(&t, "Proved: these entries, one a block and in this "
			"order, are what the chain's\n  sequencer signed.\n"
			"Not proved: that there are no more by now, or that "
			"others are shown the same:\n  keep the checkpoint, and "
			"compare it with theirs.\n");
	else
		text_say(&t, "Its parts agree with one another, but anybody can "
			"make a log that does; use --anchor.\n");
	return print_text(&t, exit);
}

static int log_refused(const struct verifysay_log *s)
{
	struct text t = {0};

	if (s->json)
		return log_json(s, false, "log", s->log->why, EXIT_REFUSED);
	text_say(&t, "refused: log: ");
	text_name(&t, BYTES(s->log->why, strlen(s->log->why)));
	text_say(&t, "\n");
	return print_text(&t, EXIT_REFUSED);
}

/* Which of its files could not be read, and why. */
static int log_unread(const struct verifysay_log *s, int rc)
{
	const struct verifylog *l = s->log;
	cleanup(free) char *path = NULL;

	if (l->path[0] != '\0' && asprintf(&path, "%s/%s", s->dir, l->path) < 0)
		path = NULL;
	verify_fail(l->old != NULL ? l->old : path != NULL ? path : s->dir,
		verify_reason(rc));
	return s->json ? log_json(s, false, "unread", verify_reason(rc),
				 EXIT_INCOMPLETE)
		       : EXIT_INCOMPLETE;
}

int verifysay_log(const struct verifysay_log *s, int rc)
{
	enum verdict v = s->anchored ? V_VALID : V_NO_ANCHOR;

	if (rc == -EKEYREJECTED)
		return log_refused(s);
	if (rc != 0)
		return log_unread(s, rc);
	return s->json ? log_json(s, true, verdict_name(v), verdict_text(v),
				 verdict_exit(v))
		       : log_text(s, verdict_exit(v));
}
