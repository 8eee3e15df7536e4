/*
 * home: whether a vault lies where it lay, or is a copy.
 *
 * Two copies that go on from one state would both be the chain: two blocks of
 * one height, each with a valid proof.  So the state's database remembers which
 * file it is (inode and time of birth, which no copy has), and a vault that
 * finds itself in another one does not go on before somebody says that it is
 * the only one.
 */
#ifndef FS_HOME_H
#define FS_HOME_H

#include "core/local.h"

/* Is db, the file that l lies in, the one that it remembers?  0; 1: it is
 * another; a negative errno.  One that remembers none remembers this one. */
int home_check(struct local *l, const char *db);
/* It is at home from now on. */
int home_keep(struct local *l, const char *db);

#endif
