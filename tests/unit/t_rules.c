#include <errno.h>
#include <stdlib.h>

#include "fs/rules.h"
#include "tests/tap/tap.h"

static const struct rules *preset(const char *name)
{
	const struct rules *r = NULL;
	char *why = NULL;

	is_int(rules_preset(name, &r, &why), 0, "there is a preset %s", name);
	free(why);
	return r;
}

static void classes(const struct rules *r)
{
	static const struct {
		const char *path;
		enum rules_class class;
	} t[] = {
		{"a", CLASS_SEAL}, {"a/b.txt", CLASS_SEAL}, {"", CLASS_SEAL},
		{".name.Ab12Cd", CLASS_TEMP}, {"x/.name.Ab12Cd", CLASS_TEMP},
		{".~tmp~/f", CLASS_TEMP}, {"a/.rsync-partial/b/c", CLASS_TEMP},
		{"movie.part", CLASS_TEMP}, {"x.partial", CLASS_TEMP},
		{"x.tmp", CLASS_TEMP}, {"dir.tmp/inner", CLASS_TEMP},
		{".f.swp", CLASS_SCRATCH}, {".f.swx", CLASS_SCRATCH},
		{"4913", CLASS_SCRATCH}, {"49130", CLASS_SEAL},
		{".nfs0001", CLASS_SCRATCH}, {".#lock", CLASS_SCRATCH},
		{".~lock.doc#", CLASS_SCRATCH}, {"tmp", CLASS_SEAL},
		{"f.tmp.old", CLASS_SEAL}, {".hidden", CLASS_SEAL},
		/* The first rule of the list decides, not the last folder. */
		{".#x/y.tmp", CLASS_TEMP},
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		is_str(rules_class_name(rules_path(r, t[i].path)),
			rules_class_name(t[i].class), "default: \"%s\"",
			t[i].path);
}

int main(void)
{
	const struct rules *r;
	char *why = NULL;

	plan(0);
	classes(preset("default"));
	r = preset("restic");
	is_int(rules_path(r, "locks/0a"), CLASS_SCRATCH, "restic: locks");
	is_int(rules_path(r, "data/ab-tmp-1"), CLASS_TEMP, "restic: temp");
	is_int(rules_path(r, "x.tmp"), CLASS_SEAL, "presets do not mix");
	preset("rsync");
	preset("wal");
	is_int(rules_preset("mirror", &r, &why), -EOPNOTSUPP,
		"a preset that needs class version is refused");
	is_str(why, "preset \"mirror\" needs class \"version\", which this "
		"version does not have", "by name");
	free(why);
	why = NULL;
	is_int(rules_preset("nonsense", &r, &why), -EINVAL,
		"an unknown preset is refused");
	ok(why != NULL, "with a sentence");
	free(why);
	return done();
}
