/*
 * fault: named places at which a test lets a program die.
 *
 * They stand before and after everything that makes something durable or lets
 * it out of the process.  In what users run they are nothing at all.  Only the
 * programs of build/tests/faulty are compiled with NOTARYFS_FAULTS, and only
 * they contain fault_point() (tests/faulty/fault_point.c).
 */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#ifdef NOTARYFS_FAULTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
