#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/attestation.h"
#include "core/attestor.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/params.h"
#include "fs/file.h"
#include "core/json.h"
#include "tests/lib/mkdoc.h"
#include "tests/tap/tap.h"

#define AT UINT64_C(1790000000123)
#define HOUR UINT64_C(3600000)

static const uint8_t installation[16] = {0xab, 0xcd}, image[48] = {1, 2, 3};
static const struct bytes nothing = {0};

static enum verdict judge(
	const struct mkdoc *d, enum trust_class trust, struct attestation *ret)
{
	cleanup(buf) struct buf doc = {0};
	struct hash root;
	struct params p;

	mkdoc_make(d, &doc, &root);
	p = mkdoc_params(d, trust, &root);
	return attestation_check(&p, BUF_BYTES(&doc), ret);
}

static void is_verdict(enum verdict got, enum verdict want, const char *why)
{
	is_str(verdict_name(got), verdict_name(want), "%s", why);
}

static void flaw(unsigned flaws, enum verdict want, const char *why)
{
	struct mkdoc d = mkdoc_nitro();
	struct attestation a;

	d.flaws = flaws;
	is_verdict(judge(&d, TRUST_NITRO, &a), want, why);
}

static void form(void)
{
	flaw(0, V_VALID, "a document with the marks of hardware is valid");
	flaw(DOC_INDEFINITE, V_VALID, "so is one with indefinite maps");
	flaw(DOC_NULLS_ABSENT, V_VALID, "one without its optional fields");
	flaw(DOC_TAGGED, V_VALID, "one with a tag");
	flaw(DOC_BETWEEN, V_VALID, "one with an authority between");
	flaw(DOC_FIELD_NEW, V_VALID, "one with a field of a later NSM");
	flaw(DOC_NEW_TWICE, V_ATTESTATION_MALFORMED, "but not that field twice");
	flaw(DOC_FIELD_TWICE, V_ATTESTATION_MALFORMED, "a known field twice");
	flaw(DOC_FIELD_TWICE | DOC_INDEFINITE, V_ATTESTATION_MALFORMED,
		"in an indefinite map too");
	flaw(DOC_PCR_TWICE, V_ATTESTATION_MALFORMED, "a PCR twice");
	flaw(DOC_NO_PCR2, V_ATTESTATION_MALFORMED, "no PCR2");
	flaw(DOC_PCR_SHORT, V_ATTESTATION_MALFORMED, "a PCR of 47 bytes");
	flaw(DOC_PCR_32, V_ATTESTATION_MALFORMED, "a PCR 32");
	flaw(DOC_TRAILING, V_ATTESTATION_MALFORMED, "a byte after the map");
	flaw(DOC_NO_DIGEST, V_ATTESTATION_MALFORMED, "no digest");
	flaw(DOC_OTHER_DIGEST, V_ATTESTATION_MALFORMED, "another digest");
	flaw(DOC_NO_BUNDLE, V_ATTESTATION_MALFORMED, "no certificates above");
	flaw(DOC_EMPTY_BUNDLE, V_ATTESTATION_MALFORMED, "an empty list of them");
	flaw(DOC_LONG_BUNDLE, V_ATTESTATION_MALFORMED, "a list of nine");
	flaw(DOC_TIME_ZERO, V_ATTESTATION_MALFORMED, "time 0");
	flaw(DOC_CERT_TRAILING, V_ATTESTATION_MALFORMED,
		"a byte after the certificate");
	flaw(DOC_CERT_JUNK, V_ATTESTATION_MALFORMED, "no certificate at all");
	flaw(DOC_FIELD_LONG, V_ATTESTATION_MALFORMED, "an overlong field");
	flaw(DOC_IDLE_CERT, V_ATTESTATION_ROOT,
		"a certificate that leads nowhere");
	flaw(DOC_LEAF_STRANGE, V_ATTESTATION_ROOT,
		"a critical extension that nobody knows");
}

static void certificates(void)
{
	struct mkdoc d = mkdoc_nitro();
	struct attestation a;

	d.leaf_to_s = -1;
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_EXPIRED,
		"a leaf that ended before the document");
	d.leaf_to_s = 3600;
	d.leaf_from_s = 1;
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_EXPIRED,
		"a leaf that begins after it");
	d = mkdoc_nitro();
	d.leaf_curve = "P-256";
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_ROOT,
		"a leaf of another curve");
	d = mkdoc_nitro();
	d.leaf_constraints = "critical,CA:TRUE";
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_ROOT,
		"a leaf that is an authority");
	d = mkdoc_nitro();
	d.leaf_usage = "keyAgreement";
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_ROOT,
		"a leaf that may not sign");
	d.leaf_usage = NULL;
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_ROOT,
		"a leaf that does not say that it may");
}

static void other_roots(void)
{
	struct mkdoc d = mkdoc_nitro();
	cleanup(buf) struct buf doc = {0};
	struct attestation a = {.timestamp_ms = 5};
	struct hash root, h;
	struct bytes payload;
	struct params p;

	mkdoc_make(&d, &doc, &root);
	p = mkdoc_params(&d, TRUST_NITRO, &root);
	p.root[0].b[31] ^= 1;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_ROOT, "a root that the chain does not name");
	is_int(a.timestamp_ms, 5, "nothing is said about a refused one");
	p.root[1] = root;
	p.n_roots = 2;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a), V_VALID,
		"any root that it names will do");
	doc.p[doc.n - 1] ^= 1;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_SIGNATURE, "a changed signature");
	doc.p[doc.n - 1] ^= 1;
	doc.p[30] ^= 1; /* in module_id */
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_SIGNATURE, "a changed payload");
	doc.p[30] ^= 1;
	is_int(attestation_hash(BUF_BYTES(&doc), &h), 0, "it has a name");
	if (attestation_decode(BUF_BYTES(&doc), &a, &payload) != 0)
		bail("does not decode");
	root = hash_sha3(payload);
	is_bytes(HASH_BYTES(&h), HASH_BYTES(&root), "which is H(payload)");
	is_int(attestation_hash(BYTES(doc.p, doc.n - 1), &h), -EBADMSG,
		"a short one has none");
}

static void measurements(void)
{
	struct mkdoc d = mkdoc_nitro(), e = d;
	cleanup(buf) struct buf doc = {0};
	struct attestation a;
	struct hash root;
	struct params p;

	d.pcr[1] = 0;
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_DEBUG,
		"one measurement of zeros is a debug enclave, named or not");
	mkdoc_make(&e, &doc, &root);
	p = mkdoc_params(&e, TRUST_NITRO, &root);
	p.image[0].pcr[2].value[47] ^= 1;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_IMAGE, "PCR2 alone differs");
	p.image[1] = p.image[0];
	p.image[1].pcr[2].value[47] ^= 1;
	p.n_images = 2;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a), V_VALID,
		"a second image is accepted");
	p.image[1].n = 2;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_IMAGE, "PCR0 and 1 alone are no image");
	p.n_images = 0;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_IMAGE, "no image named: none accepted");
	p.any_image = true;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a),
		V_ATTESTATION_IMAGE, "\"any\" is not for hardware");
}

static void classes(void)
{
	struct mkdoc local = mkdoc_local(), nitro = mkdoc_nitro(), d;
	struct attestation a;

	is_verdict(judge(&local, TRUST_LOCAL, &a), V_VALID,
		"a local document on a local chain");
	is_verdict(judge(&nitro, TRUST_LOCAL, &a), V_ATTESTATION_CLASS,
		"hardware's on a local chain");
	is_verdict(judge(&local, TRUST_NITRO, &a), V_ATTESTATION_CLASS,
		"a local one on a hardware chain");
	d = local;
	d.module_id = nitro.module_id;
	memcpy(d.pcr, nitro.pcr, 3);
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_CLASS,
		"even one that only its certificates give away");
	d.leaf_mark = false;
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_CLASS,
		"or its root's alone");
	d = nitro;
	d.module_id = local.module_id;
	is_verdict(judge(&d, TRUST_NITRO, &a), V_ATTESTATION_CLASS,
		"or its name alone");
	d = local;
	d.leaf_mark = false;
	is_verdict(judge(&d, TRUST_LOCAL, &a), V_ATTESTATION_CLASS,
		"a local leaf without its mark");
	d = local;
	d.root_mark = false;
	is_verdict(judge(&d, TRUST_LOCAL, &a), V_ATTESTATION_CLASS,
		"a local root without its mark");
	d = local;
	d.flaws = DOC_MARK_EASY;
	is_verdict(judge(&d, TRUST_LOCAL, &a), V_ATTESTATION_CLASS,
		"a mark that others might pass over");
	d = local;
	d.flaws = DOC_LEAF_STRANGE;
	is_verdict(judge(&d, TRUST_LOCAL, &a), V_ATTESTATION_ROOT,
		"the mark excuses no other extension");
	d = local;
	d.pcr[0] = 1;
	is_verdict(judge(&d, TRUST_LOCAL, &a), V_ATTESTATION_CLASS,
		"a local document that measures like hardware");
}

static void local_params(
	const struct attestor *a, const uint8_t pcr16[48], struct params *ret)
{
	*ret = (struct params){
		.trust = TRUST_LOCAL, .n_roots = 1, .n_images = 1};
	ret->root[0] = attestation_root_hash(attestor_root(a));
	ret->image[0].n = 1;
	ret->image[0].pcr[0].number = 16;
	memcpy(ret->image[0].pcr[0].value, pcr16, 48);
}

static void attestors(void)
{
	static const uint8_t policy[48] = {9};
	cleanup(buf) struct buf pem = {0}, doc = {0}, later = {0}, back = {0};
	cleanup(buf) struct buf key = {0}, signed1 = {0};
	uint8_t x[96] = {0}, pcr16[48], pcr17[48];
	struct attestor *at = NULL, *none = NULL;
	struct attestation a, b;
	struct cose_sign1 c;
	struct params p;
	EVP_PKEY *root;

	is_int(attestor_root_make(installation, AT, &pem), 0, "a root is made");
	is_int(attestor_new(BYTES(pem.p, pem.n / 2), image, 0, AT, &none),
		-EBADMSG, "half of it is none");
	is_int(attestor_new(BUF_BYTES(&pem), image, 3, AT, &at), 0,
		"an attestor starts from it");
	memcpy(x + 48, image, 48);
	EVP_Digest(x, sizeof(x), pcr16, NULL, EVP_sha384(), NULL);
	memcpy(x + 48, policy, 48);
	EVP_Digest(x, sizeof(x), pcr17, NULL, EVP_sha384(), NULL);
	is_int(attestor_document(at, policy, BYTES("key", 3), BYTES("data", 4),
		       nothing, AT, &doc),
		0, "and signs a document");
	local_params(at, pcr16, &p);
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a), V_VALID,
		"which is valid on its chain");
	is_bytes(a.public_key, BYTES("key", 3), "with its key");
	is_bytes(a.user_data, BYTES("data", 4), "and its data");
	ok(a.nonce.n == 0 && a.timestamp_ms == AT, "its time, and no nonce");
	is_bytes(BYTES(a.pcr[17], 48), BYTES(pcr17, 48), "PCR17 is the policy");
	p.image[0].pcr[0].value[0] ^= 1;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &b),
		V_ATTESTATION_IMAGE, "another binary is refused");
	p.any_image = true;
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &b), V_VALID,
		"unless the chain takes any");

	is_int(attestor_document(at, NULL, nothing, nothing, nothing,
		       AT + 30 * HOUR, &later),
		0, "a day later it has a new leaf");
	is_verdict(attestation_check(&p, BUF_BYTES(&later), &b), V_VALID,
		"so that its documents stay valid");
	ok(!bytes_equal(a.certificate, b.certificate), "another certificate");
	is_int(attestor_document(at, NULL, nothing, nothing, nothing,
		       AT - HOUR, &back),
		0, "when the clock is set back");
	is_verdict(attestation_check(&p, BUF_BYTES(&back), &b), V_VALID,
		"they do as well");

	is_int(attestor_root_key(at, &key), 0, "the root's key is known");
	is_int(attestor_root_sign(at, BYTES("R", 1), &signed1), 0, "it signs");
	root = cose_key(BUF_BYTES(&key));
	ok(cose_decode(BUF_BYTES(&signed1), 9, &c) == 0 &&
			cose_check(&c, root) == 0,
		"recovery records");
	EVP_PKEY_free(root);
	attestor_free(at);
	attestor_free(NULL);
}

static void user_data(void)
{
	struct attestation_data d = {.epoch = 2, .first_k = 77, .recoveries = 1};
	struct attestation_data back;
	cleanup(buf) struct buf out = {0};
	size_t i, taken = 0;

	d.chain = hash_sha3(BYTES("c", 1));
	d.head = hash_sha3(BYTES("h", 1));
	memset(d.log_key, 0x5a, sizeof(d.log_key));
	is_int(attestation_data_encode(&d, &out), 0, "user data is written");
	is_int(attestation_data_decode(BUF_BYTES(&out), &back), 0, "and read");
	ok(back.epoch == 2 && back.first_k == 77 && back.recoveries == 1 &&
			hash_equal(&back.chain, &d.chain) &&
			hash_equal(&back.head, &d.head) &&
			memcmp(back.log_key, d.log_key, sizeof(d.log_key)) == 0,
		"with all it says");
	ok(out.n <= 512, "in %zu bytes, which the strictest reader takes", out.n);
	for (i = 0; i < out.n; i++)
		taken += attestation_data_decode(BYTES(out.p, i), &back) == 0;
	is_int(taken, 0, "no part of it is read");
}

/* Bytes of genuine documents, if the vectors are here. */
static void genuine_one(const char *dir, struct bytes manifest, size_t i)
{
	static const char *const names[] = {"valid", "debug", "bad-signature",
		"other-root", "no-chain"};
	static const enum verdict verdicts[] = {V_VALID, V_ATTESTATION_DEBUG,
		V_ATTESTATION_SIGNATURE, V_ATTESTATION_ROOT,
		V_ATTESTATION_MALFORMED};
	cleanup(free) char *file = NULL, *want = NULL, *path = NULL;
	cleanup(buf) struct buf doc = {0};
	char at[64];
	struct params p = {.trust = TRUST_NITRO, .n_roots = 1, .n_images = 1};
	struct attestation a;
	struct bytes payload;
	size_t j;
	uint8_t k;

	snprintf(at, sizeof(at), "%zu.file", i);
	json_find_text(manifest, at, &file);
	snprintf(at, sizeof(at), "%zu.verdict", i);
	json_find_text(manifest, at, &want);
	if (file == NULL || want == NULL ||
		asprintf(&path, "%s/%s", dir, file) < 0 ||
		file_read(path, ATTESTATION_MAX + 1, &doc) != 0)
		bail("cannot read item %zu of the manifest", i);
	hex_decode("641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79"
		   "bb5b",
		p.root[0].b, 32);
	if (attestation_decode(BUF_BYTES(&doc), &a, &payload) == 0)
		for (k = 0; k < 3; k++) {
			p.image[0].pcr[k].number = k;
			memcpy(p.image[0].pcr[k].value, a.pcr[k], 48);
			p.image[0].n = 3;
		}
	for (j = 0; strcmp(names[j], want) != 0; j++)
		if (j == 4)
			bail("verdict %s is not known", want);
	is_verdict(attestation_check(&p, BUF_BYTES(&doc), &a), verdicts[j],
		file);
}

static void genuine(void)
{
	const char *base = getenv("NOTARYFS_VECTORS");
	cleanup(free) char *dir = NULL, *list = NULL;
	cleanup(buf) struct buf manifest = {0};
	struct bytes item;
	char at[32];
	size_t i;

	if (asprintf(&dir, "%s/nitro",
		    base != NULL ? base : SOURCE_DIR "/../shared/vectors") < 0 ||
		asprintf(&list, "%s/manifest.json", dir) < 0)
		bail("no memory");
	if (file_read(list, 1 << 20, &manifest) != 0) {
		skip(16, "genuine Nitro documents: no %s", list);
		return;
	}
	for (i = 0;; i++) {
		snprintf(at, sizeof(at), "%zu", i);
		if (json_find(BUF_BYTES(&manifest), at, &item) != 0)
			return;
		genuine_one(dir, BUF_BYTES(&manifest), i);
	}
}

int main(void)
{
	plan(0);
	form();
	certificates();
	other_roots();
	measurements();
	classes();
	attestors();
	user_data();
	genuine();
	return done();
}
