/* run-vectors KIND DIR: see tests/run-vectors. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

static const struct kind *const kinds[] = {
	&kind_chain,
	&kind_coding,
	&kind_cose,
	&kind_nitro,
	&kind_rfc3161,
	&kind_rfc9162,
};

#define FILE_MAX (1U << 20) /* bytes */
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

bool uint_of(const json_t *o, const char *name, uint64_t *ret)
{
	const json_t *v = json_object_get(o, name);

	double real = json_real_value(v);

	if (json_is_real(v) && real >= 0) {
		*ret = real < 0x1p64 ? (uint64_t)real : UINT64_MAX;
		return true;
	}
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

bool hash_text(const json_t *text, struct hash *ret)
{
	const char *s = json_string_value(text);

	return s != NULL && hex_decode(s, ret->b, HASH_LEN) == 0;
}

bool hash_of(const json_t *o, const char *name, struct hash *ret)
{
	return hash_text(json_object_get(o, name), ret);
}

bool key_of(const json_t *o, const char *name, uint8_t ret[32])
{
	const char *s = text_of(o, name);

	return s != NULL && hex_decode(s, ret, 32) == 0;
}

bool hex_text(const json_t *text, struct buf *ret)
{
	const char *s = json_string_value(text);
	struct buf b = {0};

	if (s == NULL || buf_reserve(&b, strlen(s) / 2) != 0)
		return false;
	b.n = strlen(s) / 2;
	if (hex_decode(s, b.p, b.n) != 0) {
		buf_free(&b);
		return false;
	}
	*ret = b;
	return true;
}

bool hex_of(const json_t *o, const char *name, struct buf *ret)
{
	return hex_text(json_object_get(o, name), ret);
}

bool file_of(const char *dir, const char *name, struct buf *ret)
{
	cleanup(free) char *path = NULL;
	struct buf b = {0};
	FILE *f;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		bail("no memory");
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (buf_reserve(&b, FILE_MAX) != 0)
		bail("no memory");
	b.n = fread(b.p, 1, FILE_MAX, f);
	fclose(f);
	*ret = b; /* the caller has it */
	return true;
}

static int is_json(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".json") == 0;
}

/* jansson keeps integers in 63 bits.  A file with larger ones (an index of
 * -1, as others write it) is read with all its numbers as reals. */
static json_t *load(const char *path, json_error_t *err)
{
	json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES, err);

	if (doc == NULL &&
		json_error_code(err) == json_error_numeric_overflow)
		doc = json_load_file(path,
			JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, err);
	return doc;
}

/* Whether the file was of that kind. */
static bool run_file(const struct kind *k, const char *dir, const char *name)
{
	cleanup(free) char *path = NULL;
	json_error_t err;
	json_t *doc;
	bool is;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		bail("no memory");
	doc = load(path, &err);
	if (doc == NULL) {
		diag("line %d: %s", err.line, err.text);
		ok(false, "%s: is JSON", name);
		return true;
	}
	is = k->is(doc);
	if (is && k->run_in != NULL)
		k->run_in(dir, doc);
	else if (is)
		k->run(name, doc);
	else
		diag("%s holds no vectors of kind %s", name, k->name);
	json_decref(doc);
	return is;
}

static int run_files(const struct kind *k, const char *dir)
{
	struct dirent **e = NULL;
	int i, n = scandir(dir, &e, is_json, alphasort), found = 0;

	if (n < 0)
		bail("%s: cannot be read", dir);
	for (i = 0; i < n; i++) {
		found += run_file(k, dir, e[i]->d_name);
		free(e[i]);
	}
	free(e);
	return found;
}

static int run_folder(const struct kind *k, const char *dir)
{
	int found = k->folder != NULL ? k->folder(dir) : run_files(k, dir);

	ok(found > 0, "%s: %d files of kind %s", dir, found, k->name);
	return done();
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc == 3)
		for (i = 0; i < N_KINDS; i++)
			if (strcmp(argv[1], kinds[i]->name) == 0)
				return run_folder(kinds[i], argv[2]);
	fprintf(stderr, "usage: run-vectors KIND DIR\nkinds:");
	for (i = 0; i < N_KINDS; i++)
		fprintf(stderr, " %s", kinds[i]->name);
	fprintf(stderr, "\n");
	return 64;
}
