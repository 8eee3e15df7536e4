/*
 * sandbox: what shuts the enclave in, in two halves.
 *
 * sandbox_clone() and sandbox_enclose() are the platform's: namespaces, an
 * empty read-only root.  sandbox_seal() is the enclave's own and so measured:
 * no privileges, no core dump, no reading of its memory by others of the same
 * user, and a list of system calls, any other of which kills it.
 *
 * What cannot be had (namespaces in many containers, memfd_secret on older
 * kernels) is left out, and the bits that go into every document's certificate
 * say so.
 */
#ifndef ENCLAVE_SANDBOX_H
#define ENCLAVE_SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_bit {
	SANDBOX_NAMESPACES = 1 << 0, /* mount, net, pid, ipc, uts */
	SANDBOX_ROOT = 1 << 1,	     /* empty, read-only */
	SANDBOX_CAPS = 1 << 2,	     /* none held, none to be gained */
	SANDBOX_SECCOMP = 1 << 3,
	SANDBOX_HIDDEN = 1 << 4,     /* not dumpable */
	SANDBOX_SECRET = 1 << 5,     /* libcrypto's memory: memfd_secret */
	SANDBOX_LOCKED = 1 << 6,     /* that memory is never swapped out */
	SANDBOX_LOCKED_ALL = 1 << 7, /* nor is any other */
	SANDBOX_MEASURED = 1 << 8,   /* ran from a sealed copy */
};
#define SANDBOX_ALL ((1 << 9) - 1)

/* Like fork(), the child in as many namespaces of its own as are to be had;
 * *ret_bits says which.  Only from a process with one thread. */
pid_t sandbox_clone(uint32_t *ret_bits);
/* In that child: the empty root; what of it holds, as bits. */
uint32_t sandbox_enclose(uint32_t bits);
/* In the enclave, after its first use of every algorithm.  ret_bits: what
 * holds.  -EPERM if what must hold does not: privileges or the filter. */
int sandbox_seal(uint32_t *ret_bits);

/* "sandboxed: namespaces, ..." and what does not hold; ret is cut to n. */
void sandbox_text(uint32_t bits, char *ret, size_t n);

#endif
