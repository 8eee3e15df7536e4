/*
 * notaryfs-enclave: holds the sequencer's key and nothing else.
 *
 * Order matters: namespaces and memory first, then one use of everything that
 * libcrypto does lazily (it may open files and read the clock), then the rest
 * of the sandbox, and only then a key.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/timestamp.h"
#include "enclave/arena.h"
#include "enclave/gate.h"
#include "enclave/launch.h"
#include "enclave/nsm_wire.h"
#include "enclave/sandbox.h"

#define EXIT_USAGE 64
#define EXIT_SANDBOX 71
#define SELF_TEST "--self-test-open"

static void fill(struct entropy *e, void *p, size_t n)
{
	(void)e;
	if (RAND_bytes(p, (int)n) != 1)
		__builtin_trap(); /* predictable numbers are worse than none */
}

static const struct entropy_ops entropy_ops = {fill};

static bool warm_curve(const char *curve, enum cose_alg alg)
{
	const struct bytes msg = BYTES("warm", 4);
	EVP_PKEY *key = EVP_EC_gen(curve);
	EVP_PKEY *again = NULL;
	struct buf signed_msg = {0}, spki = {0};
	struct cose_sign1 c;
	bool good = key != NULL && cose_sign(alg, key, msg, &signed_msg) == 0 &&
		    cose_key_spki(key, &spki) == 0 &&
		    cose_decode(BUF_BYTES(&signed_msg), 64, &c) == 0;

	if (good)
		again = cose_key(BUF_BYTES(&spki));
	good = good && again != NULL && cose_check(&c, again) == 0;
	EVP_PKEY_free(again);
	EVP_PKEY_free(key);
	buf_free(&signed_msg);
	buf_free(&spki);
	return good;
}

static bool warm_up(void)
{
	static const uint8_t seed[32];
	const time_t zero = 0;
	struct hash h = hash_sha3(BYTES(seed, sizeof(seed)));
	struct buf t = {0};
	X509_STORE *store;
	struct tm tm;
	bool good;

	tzset();
	h = hash_sha256(HASH_BYTES(&h));
	store = X509_STORE_new();
	good = gmtime_r(&zero, &tm) != NULL && store != NULL &&
	       RAND_priv_bytes(h.b, sizeof(h.b)) == 1 &&
	       timestamp_local_make(seed, &h, 1, &t) == 0 &&
	       warm_curve("P-256", COSE_ES256) &&
	       warm_curve("P-384", COSE_ES384);
	X509_STORE_free(store);
	buf_free(&t);
	return good;
}

#ifndef ENCLAVE_OPEN
static uint32_t memory_bits(int kind)
{
	return kind == ARENA_SECRET ? SANDBOX_SECRET | SANDBOX_LOCKED
	       : kind == ARENA_LOCKED ? SANDBOX_LOCKED
				      : 0;
}
#endif

/* Shuts the process in; only what is in memory or at the two sockets is left. */
static int shut(uint32_t *ret_bits)
{
	uint32_t bits = sandbox_enclose(), sealed = 0;
	int rc;

	/* not before: a change of namespaces may take it back */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#ifndef ENCLAVE_OPEN
	int kind = arena_install();

	if (kind < 0)
		return kind;
	bits |= memory_bits(kind);
	close_range(0, 2, 0);
#endif
	close_range(LAUNCH_ATTESTOR + 1, ~0U, 0);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
		!warm_up())
		return -EIO;
	rc = sandbox_seal(&sealed);
	if (rc == 0)
		*ret_bits = bits | sealed;
	return rc;
}

/* Until either side is gone. */
static int serve(struct gate *g)
{
	struct pollfd p[] = {{.fd = LAUNCH_HOST, .events = POLLIN},
		{.fd = LAUNCH_ATTESTOR, .events = POLLIN}};
	struct buf keep = {0};
	struct wire ask, answer;
	int rc = 0;

	while (rc == 0) {
		if (poll(p, 2, -1) < 0) {
			rc = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (p[1].revents != 0) /* it speaks only when asked */
			break;
		if (p[0].revents == 0)
			continue;
		rc = wire_recv(LAUNCH_HOST, 0, &keep, &ask);
		if (rc == 0) {
			gate_answer(g, &ask, &answer);
			rc = wire_send(LAUNCH_HOST, &answer);
		}
	}
	buf_free(&keep);
	return rc == 0 || rc == -EPIPE ? 0 : 1;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int help(int argc, char **argv)
{
	bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;

	fprintf(asked ? stdout : stderr,
		"notaryfs-enclave: the sequencer inside its sandbox.\n"
		"It is started by notaryfs-attestor and by nobody else.\n");
	return asked ? 0 : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct entropy entropy = {&entropy_ops};
	bool test = argc == 2 && strcmp(argv[1], SELF_TEST) == 0;
	struct nsm_wire nsm;
	struct gate gate;
	uint32_t bits;
	int rc;

	if (!test && (argc != 1 || !is_socket(LAUNCH_HOST) ||
			     !is_socket(LAUNCH_ATTESTOR)))
		return help(argc, argv);
	if (shut(&bits) != 0)
		return EXIT_SANDBOX;
	if (test) /* must not live to return */
		return open("/", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1;
	nsm_wire_init(&nsm, LAUNCH_ATTESTOR);
	gate_init(&gate, numbering_new(&entropy), &nsm.nsm);
	rc = gate.numbering == NULL || nsm_wire_hello(&nsm, bits) != 0;
	if (rc == 0)
		rc = serve(&gate);
	gate_done(&gate);
	nsm_wire_done(&nsm);
	return rc;
}
