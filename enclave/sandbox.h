/*
 * sandbox: how the enclave shuts itself in, which is so part of what is
 * measured: namespaces and an empty read-only root, no privileges, no core
 * dump, no reading of its memory by others of the same user, and a list of
 * system calls, any other of which kills it.
 *
 * It enters its user namespace after it was executed, not before: who made a
 * user namespace may look into every process that was executed in it, dumpable
 * or not (measured).  No process namespace: the filter allows no call that
 * could reach another process.
 *
 * What cannot be had (namespaces in many containers, memfd_secret on older
 * kernels) is left out, and the bits that go into every document's certificate
 * say so.  So is a mount namespace whose root cannot be emptied: what is mounted
 * would stay mounted in it.
 */
#ifndef ENCLAVE_SANDBOX_H
#define ENCLAVE_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

enum sandbox_bit {
	SANDBOX_NAMESPACES = 1 << 0, /* user, mount, net, ipc, uts */
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

/* Namespaces and root; what of it holds, as bits.  Before the first thread
 * and before sandbox_seal(). */
uint32_t sandbox_enclose(void);
/* The rest, after the first use of every algorithm.  ret_bits: what holds.
 *  -EPERM if what must hold does not: privileges or the filter. */
int sandbox_seal(uint32_t *ret_bits);

/* "sandboxed: namespaces, ..." and what does not hold; ret is cut to n. */
void sandbox_text(uint32_t bits, char *ret, size_t n);

#endif
