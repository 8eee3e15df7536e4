/*
 * assembly: the backends as the commands see them.
 *
 * Commands live in the library and know no backend; assemble_main.c fills
 * this table, and main() hands it to the command.  Errors as the backends'
 * headers say.
 */
#ifndef FS_ASSEMBLY_H
#define FS_ASSEMBLY_H

#include "core/bytes.h"
#include "core/clock.h"
#include "core/local.h"
#include "core/params.h"
#include "core/replica.h"
#include "core/sequencer.h"
#include "core/timestamper.h"
#include "core/worm.h"

/* What the chain's parameters say about the first sequencer. */
struct assembly_genesis {
	struct buf key, doc, root, recovery_key;
};

struct assembly_sequencer {
	const char *state_dir;
	/* for a start; none of it at genesis */
	struct local *local;
	struct replica *replica;
	struct bytes b0, params;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
};

struct assembly {
	struct clock *clock;
	struct entropy *entropy;

	int (*local_open)(const char *path, bool create, bool read_only,
		struct local **ret);
	/* The file that may be emptied when a commit in the middle finds no
	 * room (-1: none), and whether one waits for some. */
	void (*local_spare)(int fd);
	bool (*local_waits)(void);
	int (*bucket_open)(const char *path, bool create, bool read_only,
		struct worm **ret);
	/* Which share the bucket holds of that chain (prefix: its hex);
	 * -ENODATA when it holds none yet that can be read. */
	int (*bucket_share)(struct worm *bucket, const char *prefix,
		unsigned *ret);
	int (*replica_new)(struct worm **bucket, unsigned n, unsigned k,
		unsigned quorum, const char *prefix, struct replica **ret);

	int (*tsa_create)(const char *key_file, struct entropy *entropy,
		uint8_t ret_public[32]);
	int (*tsa_open)(const char *key_file, struct clock *clock,
		uint64_t not_before_ms, struct timestamper **ret);
	int (*tsa_remote)(const char *url,
		const struct params_authority *authority,
		struct entropy *entropy, struct timestamper **ret);
	int (*tsa_several)(struct timestamper *const *member, size_t n,
		uint64_t quorum, struct timestamper **ret);

	/* NULL, or a sentence about the program that is missing. */
	const char *(*sequencer_missing)(void);
	int (*sequencer_genesis)(const struct assembly_sequencer *c,
		const uint8_t installation[16], struct assembly_genesis *ret,
		struct sequencer **ret_q);
	int (*sequencer_first)(struct sequencer *q, struct bytes b0,
		uint64_t t_type, struct bytes t0, struct bytes params,
		struct buf *ret_s);
	int (*sequencer_start)(const struct assembly_sequencer *c,
		struct sequencer **ret);
	int (*sequencer_handover)(struct sequencer *q, struct buf *ret_object);
	const char *(*sequencer_isolation)(struct sequencer *q);
};

/* The table of this program (assemble_main.c). */
const struct assembly *assemble(void);

static inline void assembly_genesis_done(struct assembly_genesis *g)
{
	buf_free(&g->key);
	buf_free(&g->doc);
	buf_free(&g->root);
	buf_free(&g->recovery_key);
}

#endif
