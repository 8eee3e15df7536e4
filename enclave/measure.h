/*
 * measure: a program as what is measured and what runs, in one.
 *
 * The file is copied into memory, sealed so that nobody can change the copy,
 * and hashed there; measure_exec() executes that very copy.
 */
#ifndef ENCLAVE_MEASURE_H
#define ENCLAVE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#define MEASURE_MAX (64 << 20) /* bytes of a program; ours has 6 MB */

struct image {
	int fd;			/* -1: none */
	bool sealed;
	uint8_t sha384[48];
};

/* -EFBIG; -ENOENT, -EACCES, ... of the file. */
int measure(const char *program, struct image *ret);
/* Returns only if it failed.  argv and an empty environment. */
int measure_exec(const struct image *i, char *const argv[]);
void measure_done(struct image *i);

#endif
