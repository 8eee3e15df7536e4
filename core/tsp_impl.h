/*
 * tsp_impl: what tsp.c (the token) and tsp_signer.c (who signed it) share.
 */
#ifndef CORE_TSP_IMPL_H
#define CORE_TSP_IMPL_H

#include <openssl/cms.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

#include "core/tsp.h"

struct tsp {
	const struct tsp_policy *policy;
	size_t n_pinned;
	X509 *pinned[TSP_PINNED_MAX];	/* the root first */
	CMS_ContentInfo *cms;
	CMS_SignerInfo *si;		/* the one signer */
	struct bytes content;		/* TSTInfo */
	TS_TST_INFO *info;
	uint64_t p_ms;
	char algorithm[64];		/* that was refused */
};

/* (tsp_signer.c) */
enum tsp_answer tsp_pinned_open(struct tsp *t);
void tsp_pinned_done(struct tsp *t);
/* T2 to T4. */
enum tsp_answer tsp_signer_check(struct tsp *t);
/* T3: do the signed attributes name the first of the chain, by either version
 * of ESS, and by both if both are there? */
bool tsp_named(struct tsp *t, STACK_OF(X509) *chain);

/* (tsp_path.c) Those of the bag that lead to the root, which is the first.
 * The caller frees the stack, not what is in it. */
STACK_OF(X509) *tsp_rooted(struct tsp *t, STACK_OF(X509) *bag);
/* T4, over these: does a path that holds lead from x to the root? */
enum tsp_answer tsp_path(struct tsp *t, X509 *x, STACK_OF(X509) *good);

const ASN1_OBJECT *tsp_algorithm(const X509_ALGOR *alg);
/* Absent or NULL. */
bool tsp_no_parameters(const X509_ALGOR *alg);

/* (tsp_ess.c) Does the attribute's value, of version 1 or the second, name the
 * first of the chain first, and further on only others of it? */
bool tsp_ess_names(
	struct bytes attribute, bool second, STACK_OF(X509) *chain);

/* (tsp.c) A hash that is taken for an imprint; NULL: it is none. */
const EVP_MD *tsp_digest(int nid);
void tsp_name_algorithm(struct tsp *t, const ASN1_OBJECT *o);

#endif
