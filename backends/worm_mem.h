/*
 * worm_mem: a bucket in memory, the model that other buckets are held against.
 */
#ifndef BACKENDS_WORM_MEM_H
#define BACKENDS_WORM_MEM_H

#include "core/worm.h"

struct worm *worm_mem_new(void); /* NULL: no memory */

#endif
