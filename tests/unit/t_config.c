#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/config.h"
#include "fs/config_value.h"
#include "fs/presets.h"
#include "fs/rules.h"
#include "tests/tap/tap.h"

static char file[] = "/tmp/t_config.XXXXXX";

static int read_text(const char *text, struct config *c, char **why)
{
	FILE *f = fopen(file, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		bail("cannot write %s", file);
	return config_read(file, "/vault", c, why);
}

static void durations(void)
{
	static const struct {
		const char *text;
		int err;
		uint64_t ms;
	} t[] = {
		{"10s", 0, 10000}, {"500ms", 0, 500}, {"1h", 0, 3600000},
		{"2d", 0, 172800000}, {"0.5s", 0, 500}, {"1.5m", 0, 90000},
		{"0.0005s", 0, 0}, {"0s", 0, 0},
		{"10", -EINVAL, 0}, {"", -EINVAL, 0}, {"s", -EINVAL, 0},
		{"-1s", -EINVAL, 0}, {"1 s", -EINVAL, 0}, {"1.s", -EINVAL, 0},
		{"1w", -EINVAL, 0}, {"99999999999999999999s", -EINVAL, 0},
		{"18446744073709551d", -EINVAL, 0},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		uint64_t ms = 0;
		is_int(config_duration(t[i].text, &ms), t[i].err,
			"duration '%s'", t[i].text);
		ok(ms == t[i].ms, "'%s' is %llu ms", t[i].text,
			(unsigned long long)t[i].ms);
	}
}

static void sizes(void)
{
	uint64_t v = 0;
	is_int(config_size("64G", &v), 0, "64G is a size");
	ok(v == UINT64_C(64) << 30, "of 2^36 bytes");
	is_int(config_size("4096", &v), 0, "a plain number is bytes");
	ok(v == 4096, "as many");
	is_int(config_size("17179869184G", &v), -EINVAL, "2^64 is refused");
	is_int(config_size("1KB", &v), -EINVAL, "KB is refused");
	is_int(config_size("1.5K", &v), -EINVAL, "fractions are refused");
}

static void good_file(void)
{
	struct config c;
	char *why = NULL;
	is_int(read_text("# comment\n\n settle = 2s  # why\nbucket = buckets/0\n"
		"bucket=/else/C# 1,x \t# why\nimmutable = off\nbacklog_bytes = 1M", &c, &why),
		0, "a good file is read");
	is_int(c.settle_ms, 2000, "its setting counts");
	is_int(c.settle_max_ms, 3600000, "others have their defaults");
	is_int(c.n_buckets, 2, "two buckets");
	is_str(c.bucket[0], "/vault/buckets/0", "relative to the vault");
	is_str(c.bucket[1], "/else/C# 1,x",
		"or absolute, with what is no comment in it");
	ok(config_holds("/else/C# 1,x") && config_holds("x"),
		"such a path can be written");
	ok(!config_holds("") && !config_holds("/a #b") && !config_holds("#b") &&
			!config_holds("/a\t#b") && !config_holds("/a ") &&
			!config_holds(" /a") && !config_holds("/a\nb"),
		"what would not come back cannot");
	ok(!c.immutable, "immutable is off");
	ok(c.backlog_bytes == 1 << 20,
		"the last line counts without a newline too");

	is_int(config_set(&c, "settle=3s", "/", &why), 0, "-o settle=3s");
	is_int(c.settle_ms, 3000, "takes effect");
	is_int(config_set(&c, "preset=restic", "/", &why), 0, "a preset");
	is_str(c.preset, "restic", "is kept");
	is_int(config_set(&c, "preset=restik", "/", &why), -EINVAL,
		"one that is none");
	free(why);
	is_int(config_set(&c, "metrics_file=/x/n.prom", "/", &why), 0,
		"a file for the metrics");
	is_str(c.metrics_file, "/x/n.prom", "is kept");
	static const char *const no[] = {"x.prom", "/x/n.txt", "/.prom"};
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		char text[64];
		snprintf(text, sizeof text, "metrics_file=%s", no[i]);
		is_int(config_set(&c, text, "/", &why), -EINVAL,
			"%s is no place for them", no[i]);
		free(why);
	}
	is_int(config_set(&c, "settle=0.1s", "/", &why), -EINVAL,
		"0.1s is too short");
	ok(strstr(why, "at least 0.5s") != NULL, "and says so: %s", why);
	free(why);
	is_int(config_set(&c, "temp_max=never", "/", &why), 0, "never");
	ok(c.temp_max_ms == 0, "is a time for temporary names");
	is_int(config_set(&c, "temp_max=0s", "/", &why), -EINVAL,
		"no time at all is none");
	free(why);
	is_int(config_set(&c, "bucket=/x", "/", &why), -EINVAL,
		"buckets are no matter of an option");
	free(why);
	config_done(&c);
}

static enum rules_class class_of(const struct rules *r, const char *path)
{
	return rules_class(r, rules_path(r, path, false, NULL));
}

static void presets(void)
{
	struct config c;
	char *why = NULL;
	is_int(read_text("bucket = a\nbind = /backup/* mine\n"
		"rule = mine include default\nrule = mine scratch a b\n"
		"preset = mine\n", &c, &why), 0, "a preset of one's own");
	is_int(c.n_binds, 1, "is bound");
	is_str(c.bind[0].glob, "backup/*", "to a path in the mount");
	is_str(c.bind[0].preset, "mine", "by its name");
	ok(presets_find(c.presets, "mine") != NULL, "and known");
	config_done(&c);
	is_int(read_text("bucket = a\nbind\t=\t/a b \t mine\n"
		"rule = mine\tscratch \tx y\n", &c, &why), 0,
		"tabs are blanks, too");
	is_str(c.bind[0].glob, "a b", "before the preset");
	is_str(c.bind[0].preset, "mine", "that is bound");
	is_int(class_of(presets_find(c.presets, "mine"), "x y"),
		CLASS_SCRATCH, "and before a glob");
	config_done(&c);
	is_int(read_text("bucket = a\nbind = mine\nbind = / mine\n"
		"bind = x nobody\nrule = mine\nrule = git seal x\n"
		"rule = b seel x\npreset = nothing\n", &c, &why), -EINVAL,
		"mistakes");
	static const char *const want[] = {":2: bind = mine: must be of",
		":3: bind = / mine: must be of", ":4: bind = /x nobody: there is no",
		"preset = is for the whole mount",
		":5: rule = mine: must be of", ":6: rule = git seal x: preset",
		"\"seel\" is no class", ":8: preset = nothing: there is no"};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		ok(strstr(why, want[i]) != NULL, "are told: %s", want[i]);
	free(why);
	is_int(read_text("bucket = a\nrule = b seal,max=1d x\n"
		"retain_min = 2d\n", &c, &why), -EINVAL,
		"a rule that the vault's terms contradict");
	ok(strstr(why, "retain_max must not be shorter") != NULL, "is one: %s",
		why);
	free(why);
}

static void long_settle(void)
{
	struct config c;
	char *why = NULL;
	is_int(read_text("settle = 2h\nbucket = a\n", &c, &why), 0,
		"a long settle alone is fine");
	is_int(c.settle_max_ms, 2 * 3600 * 1000, "and moves settle_max");
	config_done(&c);
	is_int(read_text("settle = 2h\nsettle_max = 1h\nbucket = a\n", &c,
		&why), -EINVAL, "a shorter settle_max is refused");
	free(why);
}

static void bad_file(void)
{
	struct config c;
	cleanup(free) char *why = NULL;
	is_int(read_text("settle = soon\nsetle = 1s\nbucket = a\nbucket = a\n"
		"immutable\nimmutable = maybe\nimmutable = auto\n"
		"immutable = off\npreset =\n", &c, &why), -EINVAL,
		"a bad file is refused");
	static const char *const want[] = {
		":1: settle = soon: must be a time", ":2: setle: no such",
		":4: bucket = a: named twice", ":5: immutable: must be of",
		":6: immutable = maybe: must be auto or off",
		":7: immutable: set on line 6 already", ":9: preset: has no",
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		ok(strstr(why, want[i]) != NULL,
			"every mistake is listed with its line: %s", want[i]);
	cleanup(free) char *why2 = NULL;
	is_int(read_text("settle = 1s\n", &c, &why2), -EINVAL, "no bucket");
	ok(strstr(why2, "bucket = DIR") != NULL, "says what to add");
	cleanup(free) char *why3 = NULL;
	is_int(config_read("/nonexistent/x", "/", &c, &why3), -EINVAL,
		"no file");
	ok(strstr(why3, "is gone: put it back") != NULL, "says what to do");
	cleanup(free) char *why4 = NULL;
	char fifo[] = "/tmp/t_config.XXXXXX";
	int fd = mkstemp(fifo);
	if (fd < 0 || unlink(fifo) != 0 || mkfifo(fifo, 0600) != 0)
		bail("no scratch FIFO");
	close(fd);
	is_int(config_read(fifo, "/", &c, &why4), -EINVAL, "a FIFO");
	unlink(fifo);
	ok(strstr(why4, "not a regular file") != NULL, "is not waited for");
}

int main(void)
{
	plan(0);
	int fd = mkstemp(file);
	if (fd < 0)
		bail("no scratch file");
	close(fd);
	durations();
	sizes();
	good_file();
	presets();
	long_settle();
	bad_file();
	unlink(file);
	return done();
}
