#include "core/tsp.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/der.h"
#include "core/hash.h"
#include "tests/lib/mktsa.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

static const struct bytes data = BYTES("the bytes of a block", 20);
static struct mktsa tsa;
static struct buf pinned; /* the root alone */
static struct tsp_policy policy;
static struct tsp_token got;

static enum tsp_answer answer(const struct mktsa *m, struct mktsa_token how)
{
	cleanup(buf) struct buf token = {0};

	got = (struct tsp_token){0};
	mktsa_stamp(m, &how, data, &token);
	return tsp_open(&policy, BUF_BYTES(&token), data, &got);
}

#define IS(got, want, ...) is_str(tsp_text(got), tsp_text(want), __VA_ARGS__)

static void holds(void)
{
	cleanup(buf) struct buf bare = {0}, full = {0}, mods = {0};
	struct hash h = hash_sha3(data);

	mktsa_stamp(&tsa, &(struct mktsa_token){0}, data, &bare);
	IS(tsp_open(&policy, BUF_BYTES(&bare), data, &got), TSP_VALID,
		"a bare token holds");
	ok(got.p_ms == MKTSA_MS, "its time is genTime to the millisecond");
	ok(got.sha3, "its imprint is by SHA3-256");
	is_bytes(BYTES(got.imprint, got.n_imprint), HASH_BYTES(&h),
		"and is H(data)");
	mktsa_response(0, BUF_BYTES(&bare), &full);
	IS(tsp_open(&policy, BUF_BYTES(&full), data, &got), TSP_VALID,
		"and so does a response: granted");
	mktsa_response(1, BUF_BYTES(&bare), &mods);
	IS(tsp_open(&policy, BUF_BYTES(&mods), data, &got), TSP_VALID,
		"granted with modifications");
	IS(tsp_open(&policy, BUF_BYTES(&bare), BYTES(NULL, 0), &got), TSP_VALID,
		"without the data all else is judged");
	IS(tsp_open(&policy, BUF_BYTES(&bare), BYTES("other", 5), &got),
		TSP_IMPRINT, "over other data it says nothing");
}

static void status(void)
{
	cleanup(buf) struct buf bare = {0}, with = {0}, without = {0},
		none = {0};

	mktsa_stamp(&tsa, &(struct mktsa_token){0}, data, &bare);
	mktsa_response(2, BUF_BYTES(&bare), &with);
	IS(tsp_open(&policy, BUF_BYTES(&with), data, &got), TSP_STATUS,
		"T1: a rejection is none, whatever it carries");
	mktsa_response(2, BYTES(NULL, 0), &without);
	IS(tsp_open(&policy, BUF_BYTES(&without), data, &got), TSP_STATUS,
		"T1: nor one without a token");
	mktsa_response(0, BYTES(NULL, 0), &none);
	IS(tsp_open(&policy, BUF_BYTES(&none), data, &got), TSP_MALFORMED,
		"T1: granted, but no token");
	if (buf_add(&bare, "", 1) != 0)
		bail("no memory");
	IS(tsp_open(&policy, BUF_BYTES(&bare), data, &got), TSP_MALFORMED,
		"T1: a byte behind it");
}

static void digests(void)
{
	static const char *const imprint[] = {
		"SHA3-256", "SHA256", "SHA384", "SHA512"};
	static const char *const key[] = {"P-256", "P-384", "P-521", "RSA"};
	static const char *const sig[] = {"SHA256", "SHA384", "SHA512"};
	struct tsp_policy saved = policy;
	size_t i, j;

	for (i = 0; i < 4; i++) {
		IS(answer(&tsa, (struct mktsa_token){.imprint = imprint[i]}),
			TSP_VALID, "T5: an imprint by %s", imprint[i]);
		is_int(got.sha3, i == 0, "is H(data) only if it is SHA3-256");
	}
	IS(answer(&tsa, (struct mktsa_token){.imprint = "SHA1"}),
		TSP_ALGORITHM, "T5: an imprint by SHA-1 is refused");
	is_str(got.algorithm, "sha1", "by its name");
	for (i = 0; i < 4; i++) {
		cleanup(buf) struct buf root = {0};
		struct mktsa m;

		mktsa_init(&m, key[i]);
		mktsa_der(m.root, &root);
		policy.certs = BUF_BYTES(&root);
		for (j = 0; j < 3; j++)
			IS(answer(&m, (struct mktsa_token){.digest = sig[j]}),
				TSP_VALID, "T2: %s with %s", key[i], sig[j]);
		IS(answer(&m, (struct mktsa_token){.digest = "SHA1"}),
			TSP_ALGORITHM, "T2: %s with SHA-1 is refused", key[i]);
		is_str(got.algorithm, "sha1", "by its name");
		if (i == 3) {
			IS(answer(&m, (struct mktsa_token){.pss = true}),
				TSP_ALGORITHM, "T2: RSA-PSS is refused");
			is_str(got.algorithm, "rsassaPss", "by its name");
		}
		mktsa_done(&m);
	}
	policy = saved;
}

static void signer(void)
{
	IS(answer(&tsa, (struct mktsa_token){.two = true}), TSP_SIGNERS,
		"T2: two signers");
	IS(answer(&tsa, (struct mktsa_token){.type = "1.2.840.113549.1.7.1"}),
		TSP_CONTENT_TYPE, "T2: signed data that is no time stamp");
	IS(answer(&tsa, (struct mktsa_token){.key_id = true}), TSP_MALFORMED,
		"T3: a signer named by its key");
	IS(answer(&tsa, (struct mktsa_token){.ess_v1 = true}), TSP_VALID,
		"T3: ESS version 1 names it as well");
	IS(answer(&tsa, (struct mktsa_token){.ess_none = true}), TSP_ESS,
		"T3: without ESS nothing does");
	IS(answer(&tsa, (struct mktsa_token){.named = tsa.ca}), TSP_ESS,
		"T3: ESS names another");
	IS(answer(&tsa, (struct mktsa_token){.named = tsa.ca, .ess_v1 = true}),
		TSP_ESS, "T3: in version 1 too");
	IS(answer(&tsa, (struct mktsa_token){.n_embedded = 1,
				.embedded = {tsa.ca}}),
		TSP_SIGNER, "T3: its certificate is missing");
	IS(answer(&tsa, (struct mktsa_token){.n_embedded = 1,
				.embedded = {tsa.signer}}),
		TSP_PATH, "T4: one on the path is missing");
}

/* Certificates that others put into the bag, before and behind: with names of
 * their own, and with issuer and serial number of the signer. */
static void injected(void)
{
	struct mktsa_token how = {.n_embedded = 6,
		.embedded = {tsa.ca, tsa.signer}};
	struct mktsa_cert spoof = {.serial = 3, .eku = "critical,timeStamping"};
	static const char *const cn[] = {"a", "signer", "zzzzzzzzzzzzzzzzzzzz",
		"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"};
	EVP_PKEY *key = mktsa_key("P-256");
	struct mktsa thief = tsa;
	size_t i;

	for (i = 0; i < 4; i++) {
		spoof.cn = cn[i];
		how.embedded[2 + i] = mktsa_certify(&spoof, key,
			i == 0 ? NULL : tsa.ca, key);
	}
	IS(answer(&tsa, how), TSP_VALID, "T3: strangers in the bag do not hurt");
	thief.key = key;
	thief.signer = how.embedded[3];
	IS(answer(&thief, how), TSP_PATH,
		"T3: nor does one help who has issuer and serial number");
	how.named = tsa.signer;
	IS(answer(&thief, how), TSP_PATH, "T3: and names the true one");
	for (i = 0; i < 4; i++)
		X509_free(how.embedded[2 + i]);
	EVP_PKEY_free(key);
}

/* Anybody can make a certificate of the authority's name. */
static void impostor(void)
{
	struct mktsa_token how = {.n_embedded = 3};
	struct mktsa_cert c = {.cn = "authority", .serial = 2, .ca = true};
	EVP_PKEY *key = mktsa_key("P-256");
	X509 *self = mktsa_certify(&c, key, NULL, key);
	X509 *by_root = mktsa_certify(&c, key, tsa.root, key);
	X509 *const first[] = {self, by_root};
	size_t i;

	is_int(X509_NAME_cmp(X509_get_subject_name(self),
		       X509_get_subject_name(tsa.ca)),
		0, "T4: an impostor has the authority's name");
	for (i = 0; i < 2; i++) {
		how.embedded[0] = first[i];
		how.embedded[1] = tsa.ca;
		how.embedded[2] = tsa.signer;
		IS(answer(&tsa, how), TSP_VALID, "T4: and before it in the bag");
		how.embedded[0] = tsa.ca;
		how.embedded[1] = first[i];
		IS(answer(&tsa, how), TSP_VALID, "T4: or behind it does no harm");
	}
	X509_free(by_root);
	X509_free(self);
	EVP_PKEY_free(key);
}

/* An authority may have had two keys, or certificates for two times. */
static void twins(void)
{
	static const struct {
		const char *to, *digest, *what;
		bool same_key;
	} twin[] = {
		{"20350102000000Z", NULL, "of another key", false},
		{"20260102030405Z", NULL, "that had ended", true},
		{"20350102000000Z", "SHA1", "signed with SHA-1", true},
	};
	EVP_PKEY *key = mktsa_key("P-256");
	size_t i, at;

	for (i = 0; i < sizeof(twin) / sizeof(twin[0]); i++) {
		struct mktsa_cert c = {.cn = "authority", .serial = 20,
			.ca = true, .to = twin[i].to,
			.digest = twin[i].digest};
		X509 *other = mktsa_certify(&c,
			twin[i].same_key ? tsa.ca_key : key, tsa.root,
			tsa.root_key);

		for (at = 0; at < 2; at++) {
			struct mktsa_token how = {.n_embedded = 3,
				.embedded = {tsa.ca, tsa.ca, tsa.signer}};

			how.embedded[at] = other;
			IS(answer(&tsa, how), TSP_VALID,
				"T4: the authority has a twin %s, %s",
				twin[i].what, at == 0 ? "first" : "last");
		}
		X509_free(other);
	}
	EVP_PKEY_free(key);
}

static enum tsp_answer by(const struct mktsa_cert *c, const char *type)
{
	struct mktsa m = tsa;
	enum tsp_answer a;

	m.key = mktsa_key(type);
	m.signer = mktsa_certify(c, m.key, m.ca, m.ca_key);
	a = answer(&m, (struct mktsa_token){0});
	X509_free(m.signer);
	EVP_PKEY_free(m.key);
	return a;
}

static void certificates(void)
{
	struct mktsa_cert c = {.cn = "signer", .serial = 9,
		.eku = "critical,timeStamping"};

	IS(by(&c, "P-256"), TSP_VALID, "T4: a certificate for time stamping");
	IS(by(&c, "RSA1024"), TSP_ALGORITHM, "T2: a short RSA key");
	is_str(got.algorithm, "rsaEncryption", "by its name");
	IS(by(&c, "secp256k1"), TSP_ALGORITHM, "T2: another curve");
	c.eku = NULL;
	IS(by(&c, "P-256"), TSP_PURPOSE, "T4: one for anything");
	c.eku = "timeStamping";
	IS(by(&c, "P-256"), TSP_PURPOSE, "T4: for it, not critically");
	c.eku = "critical,timeStamping,emailProtection";
	IS(by(&c, "P-256"), TSP_PURPOSE, "T4: for it and mail");
	c.eku = "critical,timeStamping,1.2.3.4";
	IS(by(&c, "P-256"), TSP_PURPOSE, "T4: for it and something unknown");
	c.eku = "critical,emailProtection";
	IS(by(&c, "P-256"), TSP_PURPOSE, "T4: for mail");
	c.eku = "critical,timeStamping";
	c.to = "20260102030406Z";
	IS(by(&c, "P-256"), TSP_VALID, "T4: it ended since");
	c.to = "20260102030405Z";
	IS(by(&c, "P-256"), TSP_EXPIRED, "T4: it had ended");
	c.to = NULL;
	c.from = "20260102030406Z";
	IS(by(&c, "P-256"), TSP_EXPIRED, "T4: it had not begun");
}

static void roots(void)
{
	struct tsp_policy saved = policy;
	cleanup(buf) struct buf other = {0}, more = {0};
	struct mktsa m, weak = tsa;

	mktsa_init(&m, "P-256");
	mktsa_der(m.root, &other);
	policy.certs = BUF_BYTES(&other);
	IS(answer(&tsa, (struct mktsa_token){0}), TSP_PATH,
		"T4: under another root of the same name");
	mktsa_der(tsa.root, &other);
	policy.certs = BUF_BYTES(&other);
	IS(answer(&tsa, (struct mktsa_token){0}), TSP_PATH,
		"T4: only the first of the pinned is trusted");
	mktsa_der(tsa.root, &more);
	mktsa_der(tsa.ca, &more);
	mktsa_der(tsa.signer, &more);
	policy.certs = BUF_BYTES(&more);
	IS(answer(&tsa, (struct mktsa_token){.n_embedded = 1,
				.embedded = {tsa.root}}),
		TSP_VALID, "T4: the others complete a token");
	policy.certs = BYTES(more.p, more.n - 1);
	IS(answer(&tsa, (struct mktsa_token){0}), TSP_PINNED,
		"pinned certificates that cannot be read");
	policy.certs = BYTES("", 0);
	IS(answer(&tsa, (struct mktsa_token){0}), TSP_PINNED, "none at all");
	policy = saved;
	weak.ca = mktsa_certify(&(struct mktsa_cert){.cn = "authority",
					.serial = 2, .ca = true,
					.digest = "SHA1"},
		tsa.ca_key, tsa.root, tsa.root_key);
	IS(answer(&weak, (struct mktsa_token){0}), TSP_ALGORITHM,
		"T4: SHA-1 on the path");
	is_str(got.algorithm, "ecdsa-with-SHA1", "by its name");
	X509_free(weak.ca);
	mktsa_done(&m);
}

static void asked(void)
{
	struct bytes nonce = BYTES("\x00\x91\x02", 3);
	struct tsp_policy saved = policy;

	policy.oid = BYTES(MKTSA_POLICY, strlen(MKTSA_POLICY));
	IS(answer(&tsa, (struct mktsa_token){0}), TSP_VALID,
		"T5: the pinned policy");
	IS(answer(&tsa, (struct mktsa_token){.policy = "1.2.3.4.11"}),
		TSP_POLICY, "T5: another one");
	policy = saved;
	policy.nonce = nonce;
	IS(answer(&tsa, (struct mktsa_token){.nonce = nonce}), TSP_VALID,
		"T5: the nonce that was asked for");
	IS(answer(&tsa, (struct mktsa_token){0}), TSP_NONCE, "T5: none");
	IS(answer(&tsa, (struct mktsa_token){.nonce = BYTES("\x91", 1)}),
		TSP_NONCE, "T5: another");
	policy = saved;
	IS(answer(&tsa, (struct mktsa_token){.nonce = nonce}), TSP_VALID,
		"T5: one that nobody asked for");
}

static void info(void)
{
	static const struct {
		const char *text;
		uint64_t ms;	/* 0: refused */
	} times[] = {
		{"20260102030405Z", MKTSA_MS - 678},
		{"20260102030405.67Z", MKTSA_MS - 8},
		{"20260102030405.6789Z", MKTSA_MS},
		{"20280229235959Z", UINT64_C(1835481599000)},
		{"20260102030405.670Z", 0}, {"20260102030405.Z", 0},
		{"20260102030405", 0}, {"202601020304Z", 0},
		{"20260102030405+0100", 0}, {"20260102030405Z ", 0},
		{"20260229000000Z", 0}, {"20261301000000Z", 0},
		{"20260102240000Z", 0}, {"20260102030460Z", 0},
		{"2026010203040 Z", 0}, {"", 0},
	};
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		IS(answer(&tsa, (struct mktsa_token){.time = times[i].text}),
			times[i].ms == 0 ? TSP_MALFORMED : TSP_VALID,
			"genTime %s", times[i].text);
		ok(got.p_ms == times[i].ms, "is read to the millisecond");
	}
	IS(answer(&tsa, (struct mktsa_token){.version = 2}), TSP_MALFORMED,
		"another version of TSTInfo");
	IS(answer(&tsa, (struct mktsa_token){.critical = true}), TSP_MALFORMED,
		"a critical extension that we do not know");
}

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct tsp_token t;

	(void)ctx;
	if (tsp_open(&policy, in, data, &t) != TSP_VALID)
		return MUTATE_REFUSED;
	/* a certificate that is not needed may have been damaged */
	return t.p_ms == MKTSA_MS && t.sha3 ? MUTATE_ACCEPTED : MUTATE_BROKEN;
}

/* Finds the bytes in the token and changes the last of them. */
static enum tsp_answer changed(struct buf *t, struct bytes what)
{
	uint8_t *at = memmem(t->p, t->n, what.p, what.n);
	enum tsp_answer a;

	if (at == NULL)
		bail("the token lacks a part");
	at[what.n - 1] ^= 1;
	a = tsp_open(&policy, BUF_BYTES(t), data, &got);
	at[what.n - 1] ^= 1;
	return a;
}

static void damaged(void)
{
	cleanup(buf) struct buf t = {0}, copy = {0};
	struct hash h = hash_sha3(data);

	mktsa_stamp(&tsa, &(struct mktsa_token){0}, data, &t);
	IS(changed(&t, BYTES("\x02\x03\x12\x34\x56", 5)), TSP_DIGEST,
		"T2: a time stamp with another serial number");
	IS(changed(&t, HASH_BYTES(&h)), TSP_DIGEST, "T2: or another imprint");
	IS(changed(&t, BUF_BYTES(&t)), TSP_SIGNATURE, "T2: another signature");
	if (buf_copy(BUF_BYTES(&t), &copy) != 0)
		bail("no memory");
	copy.p[1] = 0x80; /* BER: of indefinite length */
	IS(tsp_open(&policy, BUF_BYTES(&copy), data, &got), TSP_MALFORMED,
		"T1: BER is refused");
	mutate("a token", BUF_BYTES(&t), 3000, feed, NULL);
}

static void der(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		int rc;
		const char *what;
	} cases[] = {
		{"\x02\x01\x7f", 3, 0, "an integer"},
		{"\x30\x03\x01\x01\xff", 5, 0, "a sequence"},
		{"\x02\x02\x00\x7f", 4, -1, "an overlong integer"},
		{"\x02\x02\xff\x80", 4, -1, "an overlong negative one"},
		{"\x02\x81\x01\x7f", 4, -1, "an overlong length"},
		{"\x30\x80\x00\x00", 4, -1, "an indefinite length"},
		{"\x01\x01\x01", 3, -1, "a boolean that is neither"},
		{"\x05\x01\x00", 3, -1, "null with content"},
		{"\x24\x03\x04\x01\x00", 5, -1, "a string in pieces"},
		{"\x03\x02\x01\x01", 4, -1, "set bits in padding"},
		{"\x03\x01\x01", 3, -1, "padding of nothing"},
		{"\x06\x02\x80\x01", 4, -1, "an overlong part of a name"},
		{"\x06\x01\x81", 3, -1, "a name cut off"},
		{"\x1f\x01\x00", 3, -1, "a long tag"},
		{"\x02\x01\x7f\x00", 4, -1, "a byte behind it"},
		{"\x02\x02\x7f", 3, -1, "content cut off"},
		{"\x30\x03\x02\x02\x7f", 5, -1, "content cut off inside"},
		{"", 0, -1, "nothing"},
	};
	uint8_t deep[2 * (DER_DEPTH + 3)];
	size_t i, n = sizeof(deep);

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(der_check(BYTES(cases[i].bytes, cases[i].n)) != 0,
			cases[i].rc != 0, "DER: %s", cases[i].what);
	for (i = 0; i < n / 2; i++) {
		deep[2 * i] = DER_SEQUENCE;
		deep[2 * i + 1] = (uint8_t)(n - 2 * i - 2);
	}
	ok(der_check(BYTES(deep, n)) != 0, "DER: too deep");
	ok(der_check(BYTES(deep + 6, n - 6)) == 0, "DER: just not too deep");
}

int main(void)
{
	plan(0);
	mktsa_init(&tsa, "P-256");
	mktsa_der(tsa.root, &pinned);
	policy.certs = BUF_BYTES(&pinned);
	der();
	holds();
	status();
	digests();
	signer();
	injected();
	impostor();
	twins();
	certificates();
	roots();
	asked();
	info();
	damaged();
	mktsa_done(&tsa);
	buf_free(&pinned);
	return done();
}
