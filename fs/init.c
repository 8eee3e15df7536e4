#include "fs/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/object.h"
#include "core/sequence.h"
#include "core/timestamp.h"
#include "fs/assembly.h"
#include "fs/config.h"
#include "fs/conftext.h"
#include "fs/file.h"
#include "fs/govkey.h"
#include "fs/home.h"
#include "fs/text.h"
#include "fs/timeservice.h"
#include "fs/unmake.h"
#include "fs/vault.h"

/* Everything that is alive while a vault is made. */
struct making {
	const struct assembly *a;
	const struct init_options *o;
	char *root;			/* absolute */
	char *bucket[PARAMS_BUCKETS_MAX]; /* absolute */
	struct inittime_words time;
	struct timestamper *tsa;
	struct buf governance;		/* public key, or empty */
	struct assembly_genesis gen;
	struct sequencer *seq;
	struct buf params, b0, t, s, genesis, number;
	uint64_t t_type;
	struct hash anchor;
	struct replica *replica;
	struct local *local;
	struct unmake made;
	char **why;
};

/* err with a message, unless one is there already. */
__attribute__((format(printf, 3, 4)))
static int fail(struct making *m, int err, const char *fmt, ...)
{
	char text[PATH_MAX + 256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (*m->why == NULL && asprintf(m->why, "%s: %s", text,
			strerror(-err)) < 0)
		*m->why = NULL;
	return err;
}

static int refuse(struct making *m, const char *sentence)
{
	if (asprintf(m->why, "%s %s", m->o->path, sentence) < 0)
		*m->why = NULL;
	return -EEXIST;
}

static char *below(const struct making *m, const char *rest)
{
	char *ret;
	return asprintf(&ret, "%s/%s", m->root, rest) < 0 ? NULL : ret;
}

/* A folder that was not there: noted, to be taken away if no vault comes of it.
 * -EEXIST: it was. */
static int make_noted(struct making *m, const char *path, mode_t mode)
{
	return mkdir(path, mode) == 0 ? unmake_note(&m->made, path) : -errno;
}

/* -- folders */

/* 0 when the folder has no entries, 1 when it looks like a vault cut off in
 * the making, 2 when it is a vault, 3 for anything else. */
static int folder_content(const char *path)
{
	DIR *d = opendir(path);
	if (d == NULL)
		return -errno;
	bool any = false, state = false, anchor = false;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		any = true;
		state = state || strcmp(e->d_name, "state") == 0;
		anchor = anchor || strcmp(e->d_name, "anchor") == 0;
	}
	closedir(d);
	return !any ? 0 : !state ? 3 : anchor ? 2 : 1;
}

static int make_root(struct making *m)
{
	int r = make_noted(m, m->o->path, 0700);
	if (r != 0) {
		if (r != -EEXIST)
			return fail(m, r, "%s", m->o->path);
		r = folder_content(m->o->path);
		if (r < 0)
			return fail(m, r, "%s", m->o->path);
		if (r == 1 && !vault_unfinished(m->o->path))
			return refuse(m, vault_unused(m->o->path) ?
				"holds a vault whose file anchor is gone: put "
				"it back, or delete the folder if its making "
				"was cut off" : "holds a vault whose file "
				"anchor is gone: put it back");
		if (r == 1)
			return refuse(m, "holds a vault whose making was cut "
				"off: delete the folder (chattr -R -i and rm "
				"-r), then try again");
		if (r == 2)
			return refuse(m, "holds a vault already");
		if (r == 3)
			return refuse(m, "is not empty: a vault needs a folder "
				"of its own");
	}
	m->root = realpath(m->o->path, NULL);
	return m->root != NULL ? 0 : fail(m, -errno, "%s", m->o->path);
}

static int make_folder(struct making *m, const char *rest, mode_t mode)
{
	cleanup(free) char *path = below(m, rest);
	if (path == NULL)
		return -ENOMEM;
	int err = make_noted(m, path, mode);
	return err == 0 ? 0 : fail(m, err, "%s", path);
}

static int make_folders(struct making *m)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {
		/* state first: it marks a vault as unfinished */
		{"state", 0700}, {"state/keys", 0700},
		{"state/sequencer", 0700}, {"files", 0755},
	};
	int err = 0;
	for (size_t i = 0; i < sizeof folders / sizeof *folders && err == 0; i++)
		err = make_folder(m, folders[i].name, folders[i].mode);
	if (err == 0 && m->o->bucket[0] == NULL)
		err = make_folder(m, "buckets", 0700);
	return err;
}

static int name_bucket(struct making *m, unsigned i)
{
	const char *given = m->o->bucket[i];
	char rest[32];
	if (given == NULL) {
		snprintf(rest, sizeof rest, "buckets/%u", i);
		m->bucket[i] = below(m, rest);
		return m->bucket[i] != NULL ? 0 : -ENOMEM;
	}
	int err = make_noted(m, given, 0700);
	if (err != 0 && err != -EEXIST)
		return fail(m, err, "bucket %s", given);
	m->bucket[i] = realpath(given, NULL);
	if (m->bucket[i] == NULL)
		return fail(m, -errno, "bucket %s", given);
	if (!config_holds(m->bucket[i]))
		return fail(m, -EINVAL, "bucket %s: notaryfs.conf cannot name "
			"a path with a newline, a blank at its end or a # "
			"behind a blank", given);
	for (unsigned j = 0; j < i; j++)
		if (strcmp(m->bucket[i], m->bucket[j]) == 0)
			return fail(m, -EINVAL, "bucket %s is named twice",
				given);
	return 0;
}

static int make_buckets(struct making *m)
{
	int err = 0;
	for (unsigned i = 0; i < m->o->n && err == 0; i++) {
		struct worm *w = NULL;
		if ((err = name_bucket(m, i)) != 0)
			break;
		err = m->a->bucket_open(m->bucket[i], true, false, &w);
		if (err != 0)
			return fail(m, err, "bucket %s", m->bucket[i]);
		w->ops->free(w);
	}
	return err;
}

/* -- block zero */

static int make_governance_key(struct making *m)
{
	cleanup(free) char *own = below(m, INIT_GOVERNANCE_KEY);
	const char *path = m->o->governance_key != NULL
		? m->o->governance_key : own;
	int err = path == NULL ? -ENOMEM : govkey_create(path, &m->governance);
	if (err == 0)
		err = unmake_note(&m->made, path);
	return err == 0 ? 0 : fail(m, err, "cannot make the governance key %s",
		path != NULL ? path : "");
}

static int make_keys(struct making *m, const uint8_t installation[16])
{
	cleanup(free) char *key = below(m, "state/keys/timestamp");
	cleanup(free) char *state = below(m, "state/sequencer");
	if (key == NULL || state == NULL)
		return -ENOMEM;
	int err = !inittime_any_local(&m->o->time) ? 0 :
		m->a->tsa_create(key, m->a->entropy, m->time.local_key);
	if (err != 0)
		return fail(m, err, "cannot make the timestamp key %s", key);
	if (m->o->retention != RETENTION_NONE &&
	    (err = make_governance_key(m)) != 0)
		return err;
	struct assembly_sequencer c = {.state_dir = state};
	err = m->a->sequencer_genesis(&c, installation, &m->gen, &m->seq);
	return err == 0 ? 0 : fail(m, err, "cannot start the sequencer");
}

static int open_time(struct making *m, const struct params *p)
{
	cleanup(free) char *key = below(m, "state/keys/timestamp");
	char *url[PARAMS_AUTHORITIES_MAX];
	bool local;
	if (key == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < m->o->time.n; i++)
		url[i] = m->o->time.tsa[i].url;
	const struct timeservice_places at = {url, m->o->time.n, key, 0};
	return timeservice_open(m->a, p, &at, &m->tsa, &local);
}

static int make_params(struct making *m, const uint8_t installation[16])
{
	cleanup(free) struct params *p = calloc(1, sizeof *p);
	char name[PARAMS_BUCKETS_MAX][4];
	int err;
	if (p == NULL)
		return -ENOMEM;
	*p = (struct params){
		.trust = TRUST_LOCAL,
		.sequencer_key = BUF_BYTES(&m->gen.key),
		.any_image = true,
		.n_roots = 1,
		.root = {attestation_root_hash(BUF_BYTES(&m->gen.root))},
		.share_k = (uint8_t)m->o->k,
		.share_n = (uint8_t)m->o->n,
		.share_w = 8,
		.share_cell = 65536,
		.n_buckets = m->o->n,
		.recovery_m = 1,
		.n_recovery = 1,
		.recovery_key = {BUF_BYTES(&m->gen.recovery_key)},
		/* those after the first are for renewals (FORMAT.md 11.5),
		 * which block zero allows or never */
		.n_digests = 3,
		.digest = {BYTES("sha-256", 7), BYTES("sha-512", 7),
			BYTES("sha3-512", 8)},
		.retention_mode = m->o->retention,
		.n_governance = m->governance.n > 0,
		.governance_key = {BUF_BYTES(&m->governance)},
	};
	/* Names, not paths: certificates show them to strangers. */
	for (unsigned i = 0; i < m->o->n; i++) {
		int n = snprintf(name[i], sizeof name[i], "%u", i);
		p->bucket[i] = BYTES(name[i], (size_t)n);
	}
	inittime_params(&m->o->time, &m->time, p);
	memcpy(p->installation, installation, sizeof p->installation);
	err = attestation_hash(BUF_BYTES(&m->gen.doc), &p->first_document);
	if (err == 0)
		err = params_encode(p, &m->params);
	return err != 0 ? err : open_time(m, p);
}

static int make_block_zero(struct making *m)
{
	struct block b = {0}; /* th stays zero */
	struct hash leaf = hash_sha3(BUF_BYTES(&m->params));
	m->a->entropy->ops->fill(m->a->entropy, b.u, sizeof b.u);
	int err = merkle_fold(&leaf, 0, 1, NULL, 0, &b.mh);
	if (err == 0)
		err = block_encode(&b, &m->b0);
	if (err != 0)
		return err;
	m->anchor = block_hash(BUF_BYTES(&m->b0));
	err = m->tsa->ops->stamp(
		m->tsa, BUF_BYTES(&m->b0), &m->t_type, &m->t);
	return err != 0 ? err : m->a->sequencer_first(m->seq,
		BUF_BYTES(&m->b0), m->t_type, BUF_BYTES(&m->t),
		BUF_BYTES(&m->params), &m->s);
}

static int make_objects(struct making *m)
{
	struct genesis g = {
		.b0 = BUF_BYTES(&m->b0),
		.t_type = m->t_type,
		.t = BUF_BYTES(&m->t),
		.s = BUF_BYTES(&m->s),
		.params = BUF_BYTES(&m->params),
		.doc = BUF_BYTES(&m->gen.doc),
	};
	struct number n = {
		.s = BUF_BYTES(&m->s),
		.doc = BUF_BYTES(&m->gen.doc),
	};
	int err = genesis_encode(&g, &m->genesis);
	return err != 0 ? err : number_encode(&n, &m->number);
}

static int make_chain(struct making *m)
{
	uint8_t installation[16];
	m->a->entropy->ops->fill(m->a->entropy, installation,
		sizeof installation);
	int err = make_keys(m, installation);
	if (err == 0 && (err = make_params(m, installation)) != 0)
		return fail(m, err, "cannot make the chain's parameters");
	if (err == 0 && (err = make_block_zero(m)) != 0)
		return fail(m, err, "cannot make block zero");
	return err != 0 ? err : make_objects(m);
}

/* -- storing it */

static int open_replica(struct making *m)
{
	struct worm *w[PARAMS_BUCKETS_MAX] = {0};
	char prefix[HASH_HEX + 1];
	int err = 0;
	hex_encode(HASH_BYTES(&m->anchor), prefix);
	for (unsigned i = 0; i < m->o->n && err == 0; i++) {
		cleanup(free) char *chain = text_of("%s/%s", m->bucket[i],
			prefix);
		err = chain == NULL ? -ENOMEM : unmake_note(&m->made, chain);
		if (err == 0)
			err = m->a->bucket_open(m->bucket[i], false, false,
				&w[i]);
	}
	if (err != 0) {
		for (unsigned i = 0; i < m->o->n; i++)
			if (w[i] != NULL)
				w[i]->ops->free(w[i]);
		return err;
	}
	/* At init every bucket must work: quorum n. */
	return m->a->replica_new(w, m->o->n, m->o->k, m->o->n, prefix,
		&m->replica);
}

static int put_number(struct making *m, uint64_t k, struct bytes object)
{
	char key[OBJECT_KEY_MAX];
	object_key_number(k, key);
	return m->replica->ops->put_whole(m->replica, key, object, NULL);
}

static int store_buckets(struct making *m)
{
	int err = open_replica(m);
	if (err == 0)
		err = m->replica->ops->put_whole(m->replica,
			OBJECT_KEY_GENESIS, BUF_BYTES(&m->genesis), NULL);
	if (err == 0)
		err = put_number(m, 0, BUF_BYTES(&m->number));
	return err == 0 ? 0 : fail(m, err, "cannot write to every bucket");
}

static int store_local(struct making *m)
{
	cleanup(free) char *path = below(m, "state/notary.db");
	if (path == NULL)
		return -ENOMEM;
	int err = m->a->local_open(path, true, false, &m->local);
	if (err != 0)
		return fail(m, err, "%s", path);
	struct local_block b = {
		.state = LOCAL_FINAL, .b = m->b0, .t_type = m->t_type,
		.t = m->t, .s = m->s, .n = 1,
	};
	struct local *l = m->local;
	if ((err = l->ops->put_genesis(l, &b, BUF_BYTES(&m->number))) != 0 ||
	    (err = l->ops->set_value(l, "genesis",
		BUF_BYTES(&m->genesis))) != 0 ||
	    (err = home_keep(l, path)) != 0 ||
	    (err = l->ops->set_value(l, "doc.0", BUF_BYTES(&m->gen.doc))) != 0)
		return fail(m, err, "%s", path);
	return 0;
}

/* The sequencer's last words: the one-shot key for the first mount. */
static int store_handover(struct making *m)
{
	cleanup(buf) struct buf object = {0};
	struct number n;
	struct sequence s;
	int err = m->a->sequencer_handover(m->seq, &object);
	if (err == 0)
		err = number_decode(BUF_BYTES(&object), &n);
	if (err == 0)
		err = sequence_peek(n.s, &s);
	if (err == 0)
		err = m->local->ops->put_number(m->local, s.k,
			BUF_BYTES(&object));
	if (err == 0)
		err = put_number(m, s.k, BUF_BYTES(&object));
	return err == 0 ? 0 : fail(m, err, "the sequencer's hand-over");
}

/* notaryfs.conf, and at the very end the anchor. */
static int store_files(struct making *m)
{
	cleanup(buf) struct buf text = {0};
	cleanup(free) char *conf = below(m, "notaryfs.conf");
	cleanup(free) char *genesis = below(m, "state/genesis");
	cleanup(free) char *anchor = below(m, "anchor");
	char hex[HASH_HEX + 2];
	if (conf == NULL || genesis == NULL || anchor == NULL)
		return -ENOMEM;
	int err = conftext(m->o, m->o->bucket[0] != NULL ? m->bucket : NULL,
		&text);
	if (err != 0 || (err = unmake_note(&m->made, conf)) != 0 ||
	    (err = unmake_note(&m->made, anchor)) != 0)
		return err;
	if ((err = file_write_new(conf, 0644, BUF_BYTES(&text))) != 0)
		return fail(m, err, "%s", conf);
	err = file_write_new(genesis, 0444, BUF_BYTES(&m->genesis));
	if (err != 0)
		return fail(m, err, "%s", genesis);
	cleanup(close) int fd = open(m->root, O_RDONLY | O_DIRECTORY |
		O_CLOEXEC);
	fault_point("init.written");
	if (fd < 0 || syncfs(fd) != 0)
		return fail(m, -errno, "%s", m->root);
	fault_point("init.synced");
	hex_encode(HASH_BYTES(&m->anchor), hex);
	hex[HASH_HEX] = '\n';
	err = file_write_new(anchor, 0444, BYTES(hex, HASH_HEX + 1));
	return err == 0 ? 0 : fail(m, err, "%s", anchor);
}

/* A vault that could not be made leaves nothing behind. */
static void done(struct making *m, int err)
{
	if (m->tsa != NULL)
		m->tsa->ops->free(m->tsa);
	if (m->seq != NULL)
		m->seq->ops->free(m->seq);
	if (m->replica != NULL)
		m->replica->ops->free(m->replica);
	if (m->local != NULL)
		m->local->ops->free(m->local);
	if (err != 0)
		unmake_all(&m->made);
	else
		unmake_done(&m->made);
	assembly_genesis_done(&m->gen);
	inittime_done(&m->time);
	struct buf *bufs[] = {&m->params, &m->b0, &m->t, &m->s, &m->genesis,
		&m->number, &m->governance};
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_free(bufs[i]);
	for (unsigned i = 0; i < m->o->n; i++)
		free(m->bucket[i]);
	free(m->root);
}

/* -- signals: they wait, and nothing is left behind */

/* Those that end this process (nohup: SIGHUP does not). */
static sigset_t ending(void)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction have;
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (sigaction(all[i], NULL, &have) == 0 &&
		    have.sa_handler != SIG_IGN)
			sigaddset(&set, all[i]);
	return set;
}

/* 0, or -EINTR: one that ends the process came. */
static int go_on(void)
{
	const sigset_t ends = ending();
	sigset_t came, both;
	if (sigpending(&came) != 0 || sigandset(&both, &came, &ends) != 0)
		return 0;
	return sigisemptyset(&both) ? 0 : -EINTR;
}

static int make(struct making *m)
{
	int (*const step[])(struct making *) = {make_root, make_folders,
		make_buckets, make_chain, store_buckets, store_local,
		store_handover, store_files};
	int err = 0;
	for (size_t i = 0; err == 0 && i < sizeof step / sizeof *step; i++)
		if ((err = step[i](m)) == 0)
			err = go_on();
	return err;
}

int init_vault(const struct assembly *a, const struct init_options *o,
	struct hash *ret_anchor, char **ret_why)
{
	*ret_why = NULL;
	struct making m = {.a = a, .o = o, .why = ret_why};
	const sigset_t ends = ending();
	sigset_t old;
	int err = inittime_try(a, &o->time, &m.time, ret_why);
	pthread_sigmask(SIG_BLOCK, &ends, &old);
	if (err == 0)
		err = make(&m);
	if (err == 0)
		*ret_anchor = m.anchor;
	else if (*ret_why == NULL)
		fail(&m, err, "%s", o->path);
	done(&m, err);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}
