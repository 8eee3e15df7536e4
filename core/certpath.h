/*
 * certpath: what we ask of X.509 certificates beyond what libcrypto does, so
 * that the rules fit on a page (FORMAT.md 11.4) and another verifier can have
 * the same ones.
 *
 * libcrypto reads BER, compares names as a person would, takes version 1 and
 * an extension twice, and knows many extensions that change what a path may
 * be.  None of that is needed here, and each is a way for two readers to differ.
 */
#ifndef CORE_CERTPATH_H
#define CORE_CERTPATH_H

#include <openssl/x509.h>

#include "core/bytes.h"

/* -EBADMSG: not DER.  -EKEYREJECTED: not a certificate.  Free *ret. */
int certpath_read(struct bytes der, X509 **ret);

/* Version 3; the algorithm inside is the one outside; no extension twice; of the critical ones only constraints and
 * usage, or also purposes, names, policies and where revocations are listed;
 * none of what narrows a path (name constraints, proxies, addresses); all
 * that is read readable.  also: one more OID (dotted) that may be critical,
 * or NULL. */
bool certpath_plain(X509 *x, bool stamping, const char *also);
/* Its key, which it keeps: RSA of 2048 to 8192 bits, or on P-256, P-384 or
 * P-521.  NULL if it is another, or written in another way than FORMAT.md 11.4
 * says: libcrypto, from version to version, takes more or fewer of those. */
EVP_PKEY *certpath_key(const X509 *x);
/* Is x signed by RSA PKCS #1 or ECDSA with SHA-256, -384 or -512? */
bool certpath_signature(const X509 *x);
/* Byte for byte; libcrypto's own comparison passes over case and spaces. */
bool certpath_same_name(const X509_NAME *a, const X509_NAME *b);
/* Is the name of x's issuer, byte for byte, that one's? */
bool certpath_names(X509 *issuer, X509 *x);
/* leaf first: each one names the next as its issuer, and no subject stands
 * twice. */
bool certpath_linked(STACK_OF(X509) *chain);

#endif
