/* Kind nitro: genuine documents of AWS Nitro and others that look like them;
 * manifest.json says of each what it is, and by which root it is judged where
 * that is not the one of AWS. */
#include <errno.h>
#include <string.h>

#include "core/attestation.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/params.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

/* SHA-256 of the root certificate that AWS publishes (Root-G1). */
static const char root_g1[] =
	"641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b";

static bool is_nitro(const json_t *doc)
{
	const json_t *first = json_array_get(doc, 0);

	return text_of(first, "verdict") != NULL &&
	       text_of(first, "pcr0") != NULL;
}

static const struct {
	const char *name;
	enum verdict verdict;
} verdicts[] = {
	{"valid", V_VALID},
	{"debug", V_ATTESTATION_DEBUG},
	{"bad-signature", V_ATTESTATION_SIGNATURE},
	{"other-root", V_ATTESTATION_ROOT},
	{"no-chain", V_ATTESTATION_MALFORMED},
	{"malformed", V_ATTESTATION_MALFORMED},
	{"emulated", V_ATTESTATION_EMULATED},
	{"expired", V_ATTESTATION_EXPIRED},
};
#define N_VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

/* A hardware chain that accepts the image which the manifest names. */
static bool params_for(const json_t *entry, struct params *ret)
{
	static const char *const names[] = {"pcr0", "pcr1", "pcr2"};
	struct params p = {.trust = TRUST_NITRO, .n_roots = 1, .n_images = 1};
	uint8_t i;

	if (!hash_of(entry, "root", &p.root[0]))
		hex_decode(root_g1, p.root[0].b, HASH_LEN);
	p.image[0].n = 3;
	for (i = 0; i < 3; i++) {
		const char *hex = text_of(entry, names[i]);

		p.image[0].pcr[i].number = i;
		if (hex != NULL &&
			hex_decode(hex, p.image[0].pcr[i].value, 48) != 0)
			return false;
	}
	*ret = p;
	return true;
}

static bool same_bytes(const json_t *entry, const char *name, struct bytes have)
{
	cleanup(buf) struct buf want = {0};

	if (json_is_null(json_object_get(entry, name)))
		return have.n == 0;
	return hex_of(entry, name, &want) &&
	       bytes_equal(BUF_BYTES(&want), have);
}

static bool same_fields(const json_t *entry, const struct attestation *a)
{
	const char *module = text_of(entry, "module_id");
	uint64_t at = 0;

	return module != NULL && uint_of(entry, "timestamp_ms", &at) &&
	       at == a->timestamp_ms &&
	       bytes_equal(a->module_id, BYTES(module, strlen(module))) &&
	       same_bytes(entry, "user_data", a->user_data) &&
	       same_bytes(entry, "nonce", a->nonce) &&
	       same_bytes(entry, "public_key", a->public_key);
}

static void judge(const char *file, const json_t *entry, enum verdict want,
	struct bytes doc)
{
	struct attestation a = {0};
	struct params p;
	enum verdict v;

	if (!params_for(entry, &p)) {
		ok(false, "%s: the manifest names its measurements", file);
		return;
	}
	v = attestation_check(&p, doc, &a);
	is_str(verdict_name(v), verdict_name(want), "%s: %s", file,
		verdict_text(want));
	if (v != V_VALID || want != V_VALID)
		return;
	ok(same_fields(entry, &a), "%s: its fields are read", file);
	p.image[0].pcr[2].value[0] ^= 1;
	is_str(verdict_name(attestation_check(&p, doc, &a)),
		verdict_name(V_ATTESTATION_IMAGE), "%s: not another image",
		file);
}

static void run_entry(const char *dir, const json_t *entry)
{
	cleanup(buf) struct buf doc = {0};
	const char *file = text_of(entry, "file");
	const char *name = text_of(entry, "verdict");
	struct hash want, have;
	size_t i;

	if (file == NULL || name == NULL || strchr(file, '/') != NULL ||
		!file_of(dir, file, &doc)) {
		ok(false, "%s: is there", file == NULL ? "a document" : file);
		return;
	}
	have = hash_sha256(BUF_BYTES(&doc));
	if (hash_of(entry, "sha256", &want))
		ok(hash_equal(&want, &have), "%s: is the one meant", file);
	for (i = 0; i < N_VERDICTS; i++)
		if (strcmp(verdicts[i].name, name) == 0) {
			judge(file, entry, verdicts[i].verdict,
				BUF_BYTES(&doc));
			return;
		}
	ok(false, "%s: %s is a verdict that we know", file, name);
}

static void run_nitro(const char *dir, const json_t *doc)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(doc, i, entry)
		run_entry(dir, entry);
}

const struct kind kind_nitro = {
	.name = "nitro", .is = is_nitro, .run_in = run_nitro};
