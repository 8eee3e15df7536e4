/*
 * assemble: the embedded services: folders as buckets, coded shares, SQLite,
 * local timestamps, the local sequencer.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/clock_system.h"
#include "backends/local_shm.h"
#include "backends/local_sqlite.h"
#include "backends/replica_coded.h"
#include "backends/seq_local.h"
#include "backends/share.h"
#include "backends/tsa_local.h"
#include "backends/tsa_quorum.h"
#include "backends/tsa_rfc3161.h"
#include "backends/worm_dir.h"
#include "core/object.h"
#include "fs/assembly.h"

#define SHARES_LOOKED_AT 64	/* objects tried before giving up */

/* Finds the sequencer's programs: beside this one, or where they are
 * installed. */
static struct {
	char attestor[PATH_MAX], enclave[PATH_MAX];
	char missing[2 * PATH_MAX + 128];
} programs;

static bool find_program(const char *name, char ret[PATH_MAX])
{
	static const char *const places[] = {"", "../libexec/notaryfs/"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return false;
	self[n] = '\0';
	*(strrchr(self, '/') + 1) = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		int len = snprintf(ret, PATH_MAX, "%s%s%s", self, places[i],
			name);
		if (len > 0 && len < PATH_MAX && access(ret, X_OK) == 0)
			return true;
	}
	snprintf(programs.missing, sizeof programs.missing, "the program %s is "
		"missing: it must be in %s or in %s../libexec/notaryfs", name,
		self, self);
	return false;
}

static const char *sequencer_missing(void)
{
	return find_program("notaryfs-attestor", programs.attestor) &&
		find_program("notaryfs-enclave", programs.enclave)
		? NULL : programs.missing;
}

static struct seq_local_config config_of(const struct assembly_sequencer *c)
{
	sequencer_missing(); /* fills in the paths */
	return (struct seq_local_config){
		.state_dir = c->state_dir,
		.attestor_program = programs.attestor,
		.enclave_program = programs.enclave,
		.clock = clock_system(),
		.local = c->local,
		.replica = c->replica,
		.b0 = c->b0,
		.params = c->params,
		.say = c->say,
		.say_ctx = c->say_ctx,
	};
}

static int sequencer_genesis(const struct assembly_sequencer *c,
	const uint8_t installation[16], struct assembly_genesis *ret,
	struct sequencer **ret_q)
{
	struct seq_local_config config = config_of(c);
	struct seq_genesis g = {0};
	int err = seq_local_genesis(&config, installation, &g, ret_q);
	if (err == 0)
		*ret = (struct assembly_genesis){g.key, g.doc, g.root,
			g.recovery_key};
	return err;
}

static int sequencer_start(const struct assembly_sequencer *c,
	struct sequencer **ret)
{
	struct seq_local_config config = config_of(c);
	return seq_local_start(&config, ret);
}

/* -- which share a bucket holds: as the first good header says */

struct looking {
	struct worm *bucket;
	unsigned tries;
	unsigned index;
};

static int look(void *ctx, const char *key, uint64_t size)
{
	struct looking *l = ctx;
	uint8_t raw[SHARE_HEADER];
	struct share_header h;
	if (size >= SHARE_HEADER &&
	    l->bucket->ops->get(l->bucket, key, 0, raw, sizeof raw) == 0 &&
	    share_header_decode(raw, &h) == 0) {
		l->index = h.index;
		return 1;
	}
	return ++l->tries == SHARES_LOOKED_AT ? -ENODATA : 0;
}

static int bucket_share(struct worm *bucket, const char *prefix, unsigned *ret)
{
	struct looking l = {.bucket = bucket};
	char packs[WORM_KEY_MAX];
	snprintf(packs, sizeof packs, "%s/p/", prefix);
	int r = bucket->ops->list(bucket, packs, look, &l);
	if (r != 1)
		return r < 0 ? r : -ENODATA;
	*ret = l.index;
	return 0;
}

const struct assembly *assemble(void)
{
	static struct assembly a;
	a = (struct assembly){
		.clock = clock_system(),
		.entropy = entropy_system(),
		.local_open = local_sqlite_open,
		.local_spare = local_shm_spare,
		.local_waits = local_shm_waits,
		.bucket_open = worm_dir_open,
		.bucket_share = bucket_share,
		.replica_new = replica_coded_new,
		.tsa_create = tsa_local_create,
		.tsa_open = tsa_local_open,
		.tsa_remote = tsa_rfc3161_open,
		.tsa_several = tsa_quorum_open,
		.sequencer_missing = sequencer_missing,
		.sequencer_genesis = sequencer_genesis,
		.sequencer_first = seq_local_first,
		.sequencer_start = sequencer_start,
		.sequencer_handover = seq_local_handover,
		.sequencer_isolation = seq_local_isolation,
	};
	return &a;
}
