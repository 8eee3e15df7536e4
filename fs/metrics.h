/*
 * metrics: a status in the text format of Prometheus (exposition format 0.0.4).
 *
 * Names are stable; notaryfs(1) lists them.  Every sample has the label vault,
 * so that the files of several vaults can lie in one collector's folder.
 */
#ifndef FS_METRICS_H
#define FS_METRICS_H

#include "core/bytes.h"

struct status;

/* Appends.  -ENOMEM. */
int metrics_text(const struct status *s, struct buf *ret);

#endif
