/*
 * clock_system: the system's clocks and the kernel's randomness.  The one
 * place where they are read.
 */
#ifndef BACKENDS_CLOCK_SYSTEM_H
#define BACKENDS_CLOCK_SYSTEM_H

#include "core/clock.h"

struct clock *clock_system(void);
struct entropy *entropy_system(void);

#endif
