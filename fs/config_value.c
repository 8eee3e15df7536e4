#include "fs/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define DURATION_MAX (UINT64_C(36500) * 86400 * 1000) /* a century */

/* The digits at *p, with an optional fraction of up to three digits, in
 * thousandths. */
static int thousandths(const char **p, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (v > UINT64_MAX / 100000)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	v *= 1000;
	if (*s == '.') {
		uint64_t unit = 100;
		if (!isdigit((unsigned char)*++s))
			return -EINVAL;
		for (; isdigit((unsigned char)*s); s++, unit /= 10)
			v += (uint64_t)(*s - '0') * unit;
	}
	*p = s;
	*ret = v;
	return 0;
}

int config_duration(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60 * 1000},
		{"h", 3600 * 1000}, {"d", 86400 * 1000},
	};
	uint64_t v;
	if (thousandths(&text, &v) != 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(text, units[i].unit) != 0)
			continue;
		if (v / 1000 > DURATION_MAX / units[i].ms)
			return -EINVAL;
		*ret_ms = v * units[i].ms / 1000;
		return 0;
	}
	return -EINVAL;
}

int config_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	uint64_t v;
	if (thousandths(&text, &v) != 0 || v % 1000 != 0)
		return -EINVAL;
	v /= 1000;
	if (*text != '\0') {
		const char *u = strchr(units, *text);
		if (u == NULL || text[1] != '\0')
			return -EINVAL;
		unsigned shift = 10 * (unsigned)(u - units + 1);
		if (v > UINT64_MAX >> shift)
			return -EINVAL;
		v <<= shift;
	}
	*ret = v;
	return 0;
}

bool config_url(const char *text)
{
	const char *host = strncmp(text, "http://", 7) == 0 ? text + 7
		: strncmp(text, "https://", 8) == 0 ? text + 8 : "";
	size_t n = 0;
	while (text[n] > ' ' && text[n] <= '~')
		n++;
	return text[n] == '\0' && n <= CONFIG_URL_MAX && *host != '\0' &&
		*host != '/';
}
