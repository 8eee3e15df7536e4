/* parts: the commands that the README names are run as they stand there. */
#include "core/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/timestamp.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/mkjwt.h"
#include "tests/lib/mktsa.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

static struct mkchain c;
static struct certificate cert;
static char *dir;

static void save(const struct part *p)
{
	FILE *f = fopen(scratch_path(dir, p->name), "we");

	if (f == NULL || fwrite(p->data.p, 1, p->data.n, f) != p->data.n ||
		fclose(f) != 0)
		bail("cannot write %s", p->name);
}

static void make(struct parts_list *ret, struct buf *raw)
{
	struct report r;
	size_t i;

	if (make_certificate(&cert, raw) != 0)
		bail("no memory");
	verify(BUF_BYTES(raw), &c.anchor, NULL, &r);
	is_str(verdict_name(r.verdict), "valid", "a certificate");
	is_int(parts_make(&r, ret), 0, "has parts");
	dir = scratch_new();
	for (i = 0; i < ret->n; i++)
		save(&ret->part[i]);
}

/* Runs it in the folder; its output, and whether it exits with 0. */
static bool run(const char *command, char *ret, size_t room)
{
	char line[4096];
	size_t n;
	FILE *p;

	snprintf(line, sizeof(line), "cd '%s' && { %s; } 2>&1", dir, command);
	p = popen(line, "re");
	if (p == NULL)
		bail("cannot run a command");
	n = fread(ret, 1, room - 1, p);
	ret[n] = '\0';
	return pclose(p) == 0;
}

/* The command at *at, and what the line behind it says it prints. */
static bool next_command(const char **at, char *command, char *want)
{
	const char *p;

	command[0] = want[0] = '\0';
	for (p = *at; *p != '\0'; p += strcspn(p, "\n") + 1)
		if (strncmp(p, "  openssl ", 10) == 0 ||
			strncmp(p, "  jose ", 7) == 0)
			break;
	if (*p == '\0')
		return false;
	snprintf(command, 1024, "%.*s", (int)strcspn(p, "\n") - 2, p + 2);
	p += strcspn(p, "\n") + 1;
	if (strncmp(p, "    ", 4) == 0)
		snprintf(want, 1024, "%.*s", (int)strcspn(p + 4, "(\n"), p + 4);
	while (want[0] != '\0' && want[strlen(want) - 1] == ' ')
		want[strlen(want) - 1] = '\0';
	*at = p;
	return true;
}

static unsigned run_readme(const struct parts_list *l)
{
	char command[1024], want[1024], got[8192];
	const char *at = (const char *)parts_find(l, "README")->data.p;
	unsigned n = 0;

	while (next_command(&at, command, want)) {
		if (strstr(command, " FILE") != NULL)
			continue; /* the file is not here */
		if (strncmp(command, "jose", 4) == 0)
			snprintf(want, sizeof(want), "\"iat\"");
		ok(run(command, got, sizeof(got)), "%s", command);
		ok(strstr(got, want) != NULL, "prints: %s", want);
		if (strstr(got, want) == NULL)
			diag("%s", got);
		n++;
	}
	return n;
}

/* A byte of the file changed: the commands that read it fail or print
 * something else. */
static void changed(const struct parts_list *l, const char *name, size_t byte)
{
	char command[1024], want[1024], got[8192];
	const char *at = (const char *)parts_find(l, "README")->data.p;
	struct part copy = *parts_find(l, name);
	unsigned taken = 0, readers = 0;

	copy.data.p[byte] ^= 1;
	save(&copy);
	while (next_command(&at, command, want)) {
		if (strstr(command, name) == NULL)
			continue;
		readers++;
		taken += run(command, got, sizeof(got)) &&
			 strstr(got, want) != NULL;
	}
	ok(readers > 0 && taken == 0,
		"%s with byte %zu changed is refused by %u of %u", name, byte,
		readers - taken, readers);
	copy.data.p[byte] ^= 1;
	save(&copy);
}

/* The README ends its text with a NUL for the walk above. */
static void terminate(struct parts_list *l)
{
	struct part *p = &l->part[l->n - 1];

	is_str(p->name, "README", "the last part is the README");
	if (buf_add(&p->data, "", 1) != 0)
		bail("no memory");
}

static void finish(struct parts_list *l, struct buf *raw)
{
	scratch_remove(dir);
	parts_done(l);
	buf_free(raw);
}

static void local(uint32_t epoch)
{
	struct parts_list l;
	struct buf raw = {0};

	mkchain_init(&c, epoch);
	mkchain_parts(&c, 3, &cert);
	make(&l, &raw);
	terminate(&l);
	is_int(run_readme(&l), 8, "local chain: eight commands");
	is_bytes(BUF_BYTES(&parts_find(&l, "block.cbor")->data), cert.b,
		"the block as it is");
	is_bytes(BUF_BYTES(&parts_find(&l, "t_upper.cbor")->data), cert.t_upper,
		"the timestamp as it is");
	changed(&l, "t_upper.tbs", 7);
	changed(&l, "t_lower.sig", 60);
	changed(&l, "s.tbs", 90);
	changed(&l, "s.sig", 20);
	changed(&l, "attestation.tbs", 200);
	changed(&l, "block-zero.cbor", 30);
	ok(parts_find(&l, "t_upper.tsr") == NULL, "no token of RFC 3161");
	finish(&l, &raw);
	mkchain_done(&c);
}

/* b0 and b stamped anew, the number over it. */
static void renumber(uint64_t type)
{
	struct hash ht = timestamp_hash(BUF_BYTES(&c.t));

	sequence_y_block(c.block.u, &ht, c.seq.y);
	buf_free(&c.s);
	mkchain_sign(&c, &c.seq, c.key, &c.s);
	mkchain_parts(&c, 3, &cert);
	cert.t_lower_type = cert.t_upper_type = type;
}

static void stamp_tsp(const struct mktsa *m, const struct mktsa_token *how,
	bool response)
{
	cleanup(buf) struct buf low = {0}, high = {0};

	buf_free(&c.t0);
	mktsa_stamp(m, how, BUF_BYTES(&c.b0), &low);
	response ? mktsa_response(0, BUF_BYTES(&low), &c.t0)
		 : (void)buf_copy(BUF_BYTES(&low), &c.t0);
	c.block.th = timestamp_hash(BUF_BYTES(&c.t0));
	mkchain_seal(&c);
	buf_free(&c.t);
	mktsa_stamp(m, how, BUF_BYTES(&c.b), &high);
	response ? mktsa_response(0, BUF_BYTES(&high), &c.t)
		 : (void)buf_copy(BUF_BYTES(&high), &c.t);
	renumber(TIMESTAMP_RFC3161);
}

/* bag: the parameters pin the root alone, the tokens have only the signer, and
 * what stands between lies in the certificate, beside what is none. */
static void tsp(bool response, const char *type, const char *imprint, bool bag)
{
	cleanup(buf) struct buf certs = {0}, between = {0};
	struct parts_list l;
	struct buf raw = {0};
	struct mktsa m;
	const char *upper = response ? "t_upper.tsr" : "t_upper.tst";
	const char *lower = response ? "t_lower.tsr" : "t_lower.tst";
	struct mktsa_token how = {.digest = "SHA384", .imprint = imprint};

	mkchain_init(&c, 0);
	mktsa_init(&m, type);
	mktsa_der(m.root, &certs);
	mktsa_der(m.ca, bag ? &between : &certs);
	if (bag)
		how.embedded[how.n_embedded++] = m.signer;
	c.params.authority[0] = (struct params_authority){
		.type = TIMESTAMP_RFC3161, .key = BUF_BYTES(&certs),
		.name = BYTES("tsa *", 5)};
	mkchain_refound(&c);
	stamp_tsp(&m, &how, response);
	if (bag) {
		cert.bag[cert.n_bag++] = BYTES("no certificate", 14);
		cert.bag[cert.n_bag++] = BUF_BYTES(&between);
	}
	make(&l, &raw);
	terminate(&l);
	is_int(run_readme(&l), 8, "%s, imprint by %s: eight commands", upper,
		imprint);
	is_bytes(BUF_BYTES(&parts_find(&l, upper)->data), cert.t_upper,
		"the token as it is");
	changed(&l, upper, cert.t_upper.n - 5);
	changed(&l, upper, cert.t_upper.n / 2);
	changed(&l, lower, cert.t_lower.n / 2);
	changed(&l, "block.cbor", 4);
	mktsa_done(&m);
	finish(&l, &raw);
	mkchain_done(&c);
}

static void stamp_jwt(EVP_PKEY *key, struct bytes b, struct buf *ret)
{
	struct hash y = hash_sha3(b);
	char hex[HASH_HEX + 1], claims[512];

	hex_encode(HASH_BYTES(&y), hex);
	snprintf(claims, sizeof(claims),
		"{\"iss\":\"https://issuer.example\",\"token_use\":\"id\","
		"\"email\":\"%s@example\",\"iat\":1790000001}", hex);
	buf_free(ret);
	mkjwt_sign(key, "{\"alg\":\"ES256\",\"kid\":\"a\"}", claims, ret);
}

static void jwt(void)
{
	cleanup(buf) struct buf set = {0};
	struct parts_list l;
	struct buf raw = {0};
	EVP_PKEY *key = mktsa_key("P-256");
	char got[64];

	mkchain_init(&c, 0);
	if (buf_add(&set, "{\"keys\":[", 9) != 0)
		bail("no memory");
	mkjwt_jwk(key, ",\"kid\":\"a\"", &set);
	if (buf_add(&set, "]}", 2) != 0)
		bail("no memory");
	c.params.authority[0] = (struct params_authority){
		.type = TIMESTAMP_JWT, .key = BUF_BYTES(&set),
		.name = BYTES("https://issuer.example", 22)};
	mkchain_refound(&c);
	stamp_jwt(key, BUF_BYTES(&c.b0), &c.t0);
	c.block.th = timestamp_hash(BUF_BYTES(&c.t0));
	mkchain_seal(&c);
	stamp_jwt(key, BUF_BYTES(&c.b), &c.t);
	renumber(TIMESTAMP_JWT);
	make(&l, &raw);
	terminate(&l);
	if (!run("command -v jose", got, sizeof(got))) {
		skip(1, "jose is not installed");
	} else {
		is_int(run_readme(&l), 8, "JWT: eight commands");
		changed(&l, "t_upper.jwt", cert.t_upper.n - 50);
		changed(&l, "t_upper.jwt", 60);
	}
	EVP_PKEY_free(key);
	finish(&l, &raw);
	mkchain_done(&c);
}

static void refused(void)
{
	struct parts_list l;
	cleanup(buf) struct buf raw = {0};
	struct report r;
	struct hash other = {{1}};

	mkchain_init(&c, 0);
	mkchain_cert(&c, 1, &raw);
	verify(BUF_BYTES(&raw), &other, NULL, &r);
	is_int(parts_make(&r, &l), -EINVAL, "another chain's: no parts");
	parts_done(&l);
	verify(BUF_BYTES(&raw), NULL, NULL, &r);
	is_int(parts_make(&r, &l), 0, "without an anchor: they are");
	parts_done(&l);
	mkchain_done(&c);
}

int main(void)
{
	plan(0);
	local(0);
	local(2);
	tsp(true, "P-256", "SHA3-256", false);
	tsp(false, "RSA", "SHA256", false);
	tsp(true, "P-384", "SHA384", true);
	tsp(false, "RSA", "SHA512", true);
	jwt();
	refused();
	return done();
}
