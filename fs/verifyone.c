#include "fs/verifyone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "core/parts.h"
#include "core/report.h"
#include "core/text.h"
#include "core/verify.h"
#include "fs/offline.h"
#include "fs/takeapart.h"

static struct bytes name_of(const char *path)
{
	return BYTES(path, strlen(path));
}

int verify_fail(const char *name, const char *why)
{
	cleanup(buf) struct buf line = {0};
	struct text t = {0};

	text_say(&t, "notary-verify: ");
	text_name(&t, name_of(name));
	text_say(&t, ": %s\n", why);
	if (text_end(&t, &line) == 0)
		fwrite(line.p, 1, line.n, stderr);
	return EXIT_INCOMPLETE;
}

const char *verify_reason(int rc)
{
	switch (rc) {
	case -EISDIR:
		return "is a folder; use -r for a whole tree";
	case -ENOTSUP:
		return "is not a regular file; save it as one first";
	case -ENOENT:
		return "there is no such file";
	case -EACCES:
		return "cannot be read: Permission denied";
	default:
		return strerror(-rc);
	}
}

int verify_print(int rc, struct buf *text, int exit)
{
	if (rc != 0)
		return verify_fail("report", "no memory");
	fwrite(text->p, 1, text->n, stdout);
	buf_free(text);
	if (fflush(stdout) != 0)
		return verify_fail("standard output", strerror(errno));
	return exit;
}

static int print_line(int rc, struct buf *object, int exit)
{
	if (rc == 0)
		rc = buf_add(object, "\n", 1);
	return verify_print(rc, object, exit);
}

/* What could not be judged. */
static int unread(const struct verifyone *o, const char *path, const char *why)
{
	struct buf out = {0};

	verify_fail(path, why);
	return o->json ? print_line(report_json_unread(why, &out), &out,
				 EXIT_INCOMPLETE)
		       : EXIT_INCOMPLETE;
}

static int print(const struct verifyone *o, const struct report *r)
{
	struct buf out = {0};
	int exit = verdict_exit(r->verdict);

	return o->json ? print_line(report_json(r, &out), &out, exit)
		       : verify_print(report_text(r, &out), &out, exit);
}

/* A certificate as bytes, or the exit code with *ret untouched.  beside: its
 * name is the one that nobody said. */
static int load(const struct verifyone *o, const char *path, bool beside,
	struct buf *ret)
{
	static const struct report none = {.verdict = V_MALFORMED};
	char why[512];
	int rc = offline_certificate(AT_FDCWD, path, ret);

	if (rc == 0)
		return EXIT_VALID;
	if (rc == -EFBIG) {
		snprintf(why, sizeof(why), "larger than %zu bytes, so it is no "
			"notaryfs certificate", CERTIFICATE_MAX);
		verify_fail(path, why);
		return print(o, &none);
	}
	if (rc != -ENOENT || !beside)
		return unread(o, path, verify_reason(rc));
	return unread(o, path, "there is no certificate; name it as the second "
		"argument if it is elsewhere");
}

/* What must be known of the file to judge it; where its size is enough, as
 * much as that. */
static int content_of(const struct verifyone *o, int fd, uint64_t size,
	const struct report *r, struct content *ret)
{
	const struct range *range = &r->cert.range;
	struct content c = {.size = size, .from = o->from, .to = o->to};
	int rc = 0;

	if (!r->content_counts)
		;
	else if (range->to == 0 && size == r->record.size) {
		offline_want(r, &c);
		rc = offline_content(fd, NULL, &c);
	} else if (range->to > 0 && range->from == o->from && range->to == o->to)
		rc = offline_piece(fd, size, range, r->record.size, &c);
	c.from = o->from;
	c.to = o->to;
	*ret = c;
	return rc;
}

/* Which file this was about. */
static int print_checked(const char *file, const char *cert, int exit)
{
	struct buf out = {0};
	struct text t = {0};

	text_say(&t, "\nChecked: ");
	text_name(&t, name_of(file));
	text_say(&t, "\nby certificate: ");
	text_name(&t, name_of(cert));
	text_say(&t, "\n");
	return verify_print(text_end(&t, &out), &out, exit);
}

/* The name that a certificate has beside its file; NULL without memory. */
static char *beside_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash != NULL ? slash + 1 : file;
	char name[CERTIFICATE_NAME_MAX + 1];
	char *path;

	certificate_name(name_of(base), name);
	return asprintf(&path, "%.*s%s", (int)(base - file), file, name) < 0
		       ? NULL
		       : path;
}

/* 0: a certificate is there. */
static int look(const char *path)
{
	cleanup(buf) struct buf raw = {0};
	int rc = path == NULL ? -ENOMEM
			      : offline_certificate(AT_FDCWD, path, &raw);

	return rc == 0 && !offline_is_certificate(BUF_BYTES(&raw)) ? -EBADMSG
								    : rc;
}

/* The same path in .certs/ of the folder whose name is its first n bytes, as a
 * restored tree has it; NULL: it is not there. */
static char *restored(const char *beside, size_t n)
{
	char *path;

	if (asprintf(&path, "%.*s.certs/%s", (int)n, beside, beside + n) < 0)
		return NULL;
	if (look(path) == 0)
		return path;
	free(path);
	return NULL;
}

/* The certificate that nobody said: beside the file, unless there is none but
 * in .certs/ of a folder above.  NULL without memory. */
static char *certificate_of(const char *file)
{
	char *beside = beside_of(file), *found = NULL;
	size_t n = beside == NULL || look(beside) == 0 ? 0 : strlen(beside);

	while (found == NULL && n-- > 0)
		if (n == 0 ? *beside != '/' : beside[n - 1] == '/')
			found = restored(beside, n);
	if (found == NULL)
		return beside;
	free(beside);
	return found;
}

int verifyone_file(const struct verifyone *o, const char *file, const char *cert)
{
	cleanup(free) char *beside = NULL;
	cleanup(buf) struct buf raw = {0};
	cleanup(close) int fd = -1;
	struct content content;
	struct report r;
	uint64_t size;
	int rc, exit;

	if (strcmp(file, "-") == 0)
		return unread(o, file, "standard input is not read; save it as a "
			"file first");
	rc = offline_open(AT_FDCWD, file, &fd, &size);
	if (rc != 0)
		return unread(o, file, verify_reason(rc));
	if (cert == NULL)
		cert = beside = certificate_of(file);
	if (cert == NULL)
		return unread(o, file, "no memory");
	exit = load(o, cert, beside != NULL, &raw);
	if (raw.p == NULL)
		return exit;
	rc = verify_begin(NULL, BUF_BYTES(&raw), o->anchor, &r);
	if (rc == 0)
		rc = content_of(o, fd, size, &r, &content);
	if (rc != 0)
		return unread(o, file, strerror(-rc));
	verify_end(&r, &content);
	demands_meet(o->demands, &r);
	exit = print(o, &r);
	return o->json ? exit : print_checked(file, cert, exit);
}

/* -- a certificate by itself */

/* False with the exit code. */
static bool judge(const struct verifyone *o, const char *path, struct buf *raw,
	struct report *ret, int *ret_exit)
{
	int rc;

	*ret_exit = load(o, path, false, raw);
	if (raw->p == NULL)
		return false;
	rc = verify(BUF_BYTES(raw), o->anchor, NULL, ret);
	if (rc != 0)
		*ret_exit = unread(o, path, strerror(-rc));
	else
		demands_meet(o->demands, ret);
	return rc == 0;
}

static void print_parts(const struct certificate *c, size_t total)
{
	printf("\nparts, %zu bytes in all: parameters %zu, block zero %zu, "
	       "record %zu, path %zu,\n  block %zu, upper timestamp %zu, lower "
	       "timestamp %zu, number %zu, attestation %zu\n",
		total, c->params.n, c->b0.n, c->d.n, c->path_len * HASH_LEN,
		c->b.n, c->t_upper.n, c->t_lower.n, c->s.n, c->doc.n);
}

int verifyone_explain(const struct verifyone *o, const char *cert)
{
	cleanup(buf) struct buf raw = {0};
	struct report r;
	int exit;

	if (!judge(o, cert, &raw, &r, &exit))
		return exit;
	exit = print(o, &r);
	if (!o->json && r.cert.d.p != NULL)
		print_parts(&r.cert, raw.n);
	return exit;
}

static int print_taken(const struct verifyone *o, const struct report *r,
	const struct parts_list *list, const char *dir)
{
	struct json j = {0};
	struct text t = {0};
	struct buf out = {0};
	size_t i;

	if (!o->json) {
		text_name(&t, name_of(dir));
		text_say(&t, ": see README there\n");
		if (r->verdict != V_VALID)
			text_say(&t, "No anchor was given, so that anybody may "
				"have made this certificate.\n");
		return verify_print(text_end(&t, &out), &out, EXIT_VALID);
	}
	json_object(&j, NULL);
	json_text(&j, "verdict", verdict_name(r->verdict));
	json_bool(&j, "valid", r->verdict == V_VALID);
	json_text(&j, "reason", verdict_text(r->verdict));
	json_text(&j, "folder", dir);
	json_array(&j, "parts");
	for (i = 0; i < list->n; i++)
		json_text(&j, NULL, list->part[i].name);
	json_close_array(&j);
	json_close_object(&j);
	return print_line(json_end(&j, &out), &out, EXIT_VALID);
}

static int take(const struct verifyone *o, const struct report *r,
	const struct parts_list *list, const char *dir)
{
	int rc = takeapart(list, dir);

	switch (rc) {
	case 0:
		return print_taken(o, r, list, dir);
	case -ENOTDIR:
		return unread(o, dir, "is a file; name a folder that is not "
			"there yet");
	case -ENOTEMPTY: /* the certificate is not refused: 1 would say so */
		return unread(o, dir, "is not empty; name a folder that is not "
			"there yet");
	default:
		return unread(o, dir, strerror(-rc));
	}
}

int verifyone_parts(
	const struct verifyone *o, const char *cert, const char *dir)
{
	cleanup(free) struct parts_list *list = calloc(1, sizeof(*list));
	cleanup(buf) struct buf raw = {0};
	struct report r;
	int rc, exit;

	if (list == NULL)
		return unread(o, cert, "no memory");
	if (!judge(o, cert, &raw, &r, &exit))
		return exit;
	rc = parts_make(&r, list);
	if (rc == -EINVAL)
		exit = print(o, &r);
	else if (rc != 0)
		exit = unread(o, cert, strerror(-rc));
	else
		exit = take(o, &r, list, dir);
	parts_done(list);
	return exit;
}
