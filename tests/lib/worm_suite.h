/*
 * worm_suite: what every bucket must do (core/worm.h), one test per promise.
 */
#ifndef TESTS_WORM_SUITE_H
#define TESTS_WORM_SUITE_H

#include "core/worm.h"

/* open gives a bucket that nothing was ever put into; the suite frees it. */
void worm_suite(const char *name, struct worm *(*open)(void *ctx), void *ctx);

/* The keys with that prefix, each with "=size", joined by spaces, in a static
 * buffer; "error N" if it fails. */
const char *worm_listing(struct worm *w, const char *prefix);

#endif
