#include "tests/fuzz/fuzz.h"

#include "core/note.h"

/* The key that the specification's own example speaks of is as good as any:
 * nothing verifies, but everything is read. */
static const char vkey[] = "sum.golang.org+033de0ae+"
			   "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct checkpoint c;
	struct buf all = {0};
	struct note_key k;
	struct note n;
	uint64_t time;
	size_t i;

	if (note_key_decode(in, &k) == 0) {
		char text[NOTE_VKEY_MAX];
		struct note_key again;

		note_key_text(&k, text);
		if (note_key_decode(BYTES(text, strlen(text)), &again) != 0 ||
			again.id != k.id)
			abort();
	}
	checkpoint_decode(in, &c);
	if (note_decode(in, &n) != 0)
		return 0;
	checkpoint_decode(n.text, &c);
	if (note_key_decode(BYTES(vkey, strlen(vkey)), &k) != 0)
		abort();
	note_check(&n, &k, &time);
	/* merged with itself it is itself */
	if (note_merge(in, in, &all) != 0 || all.n != size ||
		memcmp(all.p, data, size) != 0)
		abort();
	buf_free(&all);
	for (i = 0; i < n.n; i++)
		if (n.line[i].name.n > NOTE_NAME_MAX)
			abort();
	return 0;
}
