/*
 * allocsqlite: SQLite's memory comes from malloc() as it is called here, so
 * that it fails with the rest (allocfail.h).
 */
#ifndef TESTS_ALLOCSQLITE_H
#define TESTS_ALLOCSQLITE_H

/* Once, before any database is opened. */
void allocsqlite(void);

#endif
