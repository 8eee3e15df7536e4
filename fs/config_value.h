/*
 * config_value: what a person writes where a time, a size or an address is
 * asked for, in notaryfs.conf as well as on a command line.  Nothing here keeps
 * or logs anything.
 */
#ifndef FS_CONFIG_VALUE_H
#define FS_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_URL_MAX 1000	/* bytes */

/* A time in milliseconds: "10s", "500ms", "1h", "2d", "0.5s", at most a
 * century.  -EINVAL: anything else, a number without unit too. */
int config_duration(const char *text, uint64_t *ret_ms);
/* Bytes, or a plain number: "64G", "1M", "4096"; K is 1024.  -EINVAL: anything
 * else, fractions and what has no room in 64 bits too. */
int config_size(const char *text, uint64_t *ret);
/* Can a service be asked there?  "http://" or "https://" and a host, visible
 * ASCII alone, at most CONFIG_URL_MAX bytes. */
bool config_url(const char *text);

#endif
