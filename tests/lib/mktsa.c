#include "tests/lib/mktsa.h"

#include <openssl/cms.h>
#include <openssl/ess.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tests/tap/tap.h"

static void must(bool good, const char *what)
{
	if (!good)
		bail("mktsa: %s", what);
}

EVP_PKEY *mktsa_key(const char *type)
{
	EVP_PKEY *key;

	if (strncmp(type, "RSA", 3) == 0)
		key = EVP_RSA_gen(type[3] == '\0' ? 2048U : 1024U);
	else
		key = EVP_EC_gen(type);
	must(key != NULL, "a key");
	return key;
}

static void extend(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	must(e != NULL && X509_add_ext(x, e, -1) == 1, value);
	X509_EXTENSION_free(e);
}

X509 *mktsa_certify(const struct mktsa_cert *what, EVP_PKEY *key, X509 *issuer,
	EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();
	X509V3_CTX ctx;

	must(x != NULL && name != NULL &&
			X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				(const uint8_t *)what->cn, -1, -1, 0) == 1,
		"a name");
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), what->serial);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(
		x, issuer == NULL ? name : X509_get_subject_name(issuer));
	ASN1_TIME_set_string(X509_getm_notBefore(x),
		what->from == NULL ? "20250101000000Z" : what->from);
	ASN1_TIME_set_string(X509_getm_notAfter(x),
		what->to == NULL ? "20350101000000Z" : what->to);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, issuer == NULL ? x : issuer, x, NULL, NULL, 0);
	extend(x, &ctx, NID_basic_constraints,
		what->ca ? "critical,CA:TRUE" : "CA:FALSE");
	extend(x, &ctx, NID_subject_key_identifier, "hash");
	if (what->eku != NULL)
		extend(x, &ctx, NID_ext_key_usage, what->eku);
	must(X509_sign(x, issuer == NULL ? key : issuer_key,
		     EVP_get_digestbyname(what->digest == NULL ? "SHA256" :
							what->digest)) > 0,
		"a certificate");
	X509_NAME_free(name);
	return x;
}

void mktsa_der(X509 *x, struct buf *ret)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	must(n > 0 && buf_add(ret, der, (size_t)n) == 0, "DER");
	OPENSSL_free(der);
}

void mktsa_init(struct mktsa *m, const char *type)
{
	m->root_key = mktsa_key("P-256");
	m->ca_key = mktsa_key("P-256");
	m->key = mktsa_key(type);
	m->root = mktsa_certify(&(struct mktsa_cert){.cn = "root", .serial = 1,
					.ca = true}, m->root_key, NULL, NULL);
	m->ca = mktsa_certify(&(struct mktsa_cert){.cn = "authority",
				      .serial = 2, .ca = true},
		m->ca_key, m->root, m->root_key);
	m->signer = mktsa_certify(&(struct mktsa_cert){.cn = "signer",
					  .serial = 3,
					  .eku = "critical,timeStamping"},
		m->key, m->ca, m->ca_key);
}

void mktsa_done(struct mktsa *m)
{
	X509_free(m->root);
	X509_free(m->ca);
	X509_free(m->signer);
	EVP_PKEY_free(m->root_key);
	EVP_PKEY_free(m->ca_key);
	EVP_PKEY_free(m->key);
}

/* -- TSTInfo */

static void set_imprint(TS_TST_INFO *info, const char *digest, struct bytes data)
{
	const EVP_MD *md = EVP_get_digestbyname(digest);
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *alg = X509_ALGOR_new();
	uint8_t h[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(md != NULL && EVP_Digest(data.p, data.n, h, &n, md, NULL) == 1,
		digest);
	X509_ALGOR_set0(alg, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL,
		NULL);
	TS_MSG_IMPRINT_set_algo(imprint, alg);
	TS_MSG_IMPRINT_set_msg(imprint, h, (int)n);
	TS_TST_INFO_set_msg_imprint(info, imprint);
	TS_MSG_IMPRINT_free(imprint);
	X509_ALGOR_free(alg);
}

static void set_extra(TS_TST_INFO *info, const struct mktsa_token *how)
{
	ASN1_INTEGER *nonce = NULL;
	ASN1_OCTET_STRING *empty = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;
	BIGNUM *bn = BN_bin2bn(how->nonce.p, (int)how->nonce.n, NULL);

	if (how->nonce.n > 0) {
		nonce = BN_to_ASN1_INTEGER(bn, NULL);
		TS_TST_INFO_set_nonce(info, nonce);
	}
	if (how->critical) {
		e = X509_EXTENSION_create_by_NID(
			NULL, NID_ext_key_usage, 1, empty);
		TS_TST_INFO_add_ext(info, e, -1);
		X509_EXTENSION_free(e);
	}
	ASN1_OCTET_STRING_free(empty);
	ASN1_INTEGER_free(nonce);
	BN_free(bn);
}

static BIO *tst_info(const struct mktsa_token *how, struct bytes data)
{
	TS_TST_INFO *info = TS_TST_INFO_new();
	ASN1_OBJECT *policy = OBJ_txt2obj(
		how->policy == NULL ? MKTSA_POLICY : how->policy, 1);
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_new();
	BIO *out = BIO_new(BIO_s_mem());

	ASN1_INTEGER_set(serial, 0x123456);
	ASN1_STRING_set(t, how->time == NULL ? MKTSA_GENTIME : how->time, -1);
	TS_TST_INFO_set_version(info, how->version == 0 ? 1 : how->version);
	TS_TST_INFO_set_policy_id(info, policy);
	TS_TST_INFO_set_serial(info, serial);
	TS_TST_INFO_set_time(info, t);
	set_imprint(info, how->imprint == NULL ? "SHA3-256" : how->imprint,
		data);
	set_extra(info, how);
	must(i2d_TS_TST_INFO_bio(out, info) == 1, "TSTInfo");
	ASN1_OBJECT_free(policy);
	ASN1_INTEGER_free(serial);
	ASN1_GENERALIZEDTIME_free(t);
	TS_TST_INFO_free(info);
	return out;
}

/* -- the signature */

static void add_ess(CMS_SignerInfo *si, X509 *named, bool v1)
{
	ESS_SIGNING_CERT *a = OSSL_ESS_signing_cert_new_init(named, NULL, 1);
	ESS_SIGNING_CERT_V2 *b =
		OSSL_ESS_signing_cert_v2_new_init(
			EVP_sha256(), named, NULL, 1);
	unsigned char *der = NULL;
	int n = v1 ? i2d_ESS_SIGNING_CERT(a, &der)
		   : i2d_ESS_SIGNING_CERT_V2(b, &der);

	must(n > 0 && CMS_signed_add1_attr_by_NID(si,
			      v1 ? NID_id_smime_aa_signingCertificate
				 : NID_id_smime_aa_signingCertificateV2,
			      V_ASN1_SEQUENCE, der, n) == 1,
		"ESS");
	OPENSSL_free(der);
	ESS_SIGNING_CERT_free(a);
	ESS_SIGNING_CERT_V2_free(b);
}

static void add_signer(CMS_ContentInfo *cms, const struct mktsa *m,
	const struct mktsa_token *how)
{
	unsigned flags = CMS_NOSMIMECAP | CMS_BINARY | CMS_NOCERTS |
			 CMS_PARTIAL | (how->key_id ? CMS_USE_KEYID : 0U) |
			 (how->pss ? CMS_KEY_PARAM : 0U);
	CMS_SignerInfo *si = CMS_add1_signer(cms, m->signer, m->key,
		EVP_get_digestbyname(
			how->digest == NULL ? "SHA256" : how->digest), flags);

	must(si != NULL, "a signer");
	if (how->pss)
		must(EVP_PKEY_CTX_set_rsa_padding(
			     CMS_SignerInfo_get0_pkey_ctx(si),
			     RSA_PKCS1_PSS_PADDING) == 1, "PSS");
	if (!how->ess_none)
		add_ess(si, how->named == NULL ? m->signer : how->named,
			how->ess_v1);
}

void mktsa_stamp(const struct mktsa *m, const struct mktsa_token *how,
	struct bytes data, struct buf *ret)
{
	unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOCERTS;
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	BIO *content = tst_info(how, data);
	ASN1_OBJECT *type = OBJ_txt2obj(how->type == NULL ?
			"1.2.840.113549.1.9.16.1.4" : how->type, 1);
	unsigned char *der = NULL;
	size_t i;
	int n;

	must(cms != NULL && CMS_set1_eContentType(cms, type) == 1, "CMS");
	CMS_set_detached(cms, 0);
	add_signer(cms, m, how);
	if (how->two)
		add_signer(cms, m, how);
	for (i = 0; i < how->n_embedded; i++)
		CMS_add1_cert(cms, how->embedded[i]);
	if (how->n_embedded == 0) {
		CMS_add1_cert(cms, m->ca);
		CMS_add1_cert(cms, m->signer);
	}
	must(CMS_final(cms, content, NULL, flags) == 1, "signing");
	n = i2d_CMS_ContentInfo(cms, &der);
	must(n > 0 && buf_add(ret, der, (size_t)n) == 0, "DER");
	OPENSSL_free(der);
	ASN1_OBJECT_free(type);
	BIO_free(content);
	CMS_ContentInfo_free(cms);
}

void mktsa_response(uint8_t status, struct bytes token, struct buf *ret)
{
	size_t n = 5 + token.n;
	uint8_t head[] = {0x30, 0x82, (uint8_t)(n >> 8), (uint8_t)n, 0x30, 3,
		2, 1, status};
	uint8_t refusal[] = {0x30, 5, 0x30, 3, 2, 1, status};

	if (token.n == 0)
		must(buf_add(ret, refusal, sizeof(refusal)) == 0, "memory");
	else
		must(buf_add(ret, head, sizeof(head)) == 0 &&
				buf_add(ret, token.p, token.n) == 0,
			"memory");
}
