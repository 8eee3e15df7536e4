/*
 * json: see core/json.h.
 */
#ifndef FS_JSON_H
#define FS_JSON_H

#include "core/json.h"

#endif
