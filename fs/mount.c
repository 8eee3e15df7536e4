#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/signals.h"
#include "fs/binding.h"
#include "fs/dispatch.h"
#include "fs/gone.h"
#include "fs/growth.h"
#include "fs/idle.h"
#include "fs/inner.h"
#include "fs/mountpoint.h"
#include "fs/park.h"
#include "fs/presets.h"
#include "fs/refusals.h"
#include "fs/retain.h"
#include "fs/sealer.h"
#include "fs/start.h"
#include "fs/versions.h"

#define COUNT_MS 500	/* that a commit is waited for by who counts */
#define PLACE_TRIES 500	/* of 20 ms: a mount is a matter of milliseconds */
#define TRIM_NODES 32768	/* some 10 MB */

/* A mount and its loop. */
struct serving {
	struct mount m;		/* first: the two are one object */
	struct dispatch *dispatch;
	bool started, mounted;
};

static struct serving *serving_of(struct mount *m)
{
	return (struct serving *)m;
}

static void op_init(void *arg, struct fuse_conn_info *c)
{
	static const unsigned want = FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK |
		FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_HANDLE_KILLPRIV |
		FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_IOCTL_DIR;
	static const unsigned refuse = FUSE_CAP_SPLICE_READ |
		FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
		FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_FLOCK_LOCKS |
		FUSE_CAP_POSIX_LOCKS;

	(void)arg;
	c->want |= want & c->capable;
	c->want &= ~refuse;
	c->max_write = 1 << 20;
	c->time_gran = 1;
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup, .forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr, .setattr = op_setattr,
	.readlink = op_readlink, .mknod = op_mknod, .mkdir = op_mkdir,
	.unlink = op_unlink, .rmdir = op_rmdir, .symlink = op_symlink,
	.rename = op_rename, .link = op_link,
	.open = op_open, .create = op_create, .read = op_read,
	.write = op_write, .release = op_release, .fsync = op_fsync,
	.fallocate = op_fallocate, .lseek = op_lseek,
	.copy_file_range = op_copy,
	.opendir = op_opendir, .readdir = op_readdir,
	.readdirplus = op_readdirplus, .releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs, .ioctl = op_ioctl,
	.setxattr = op_setxattr, .getxattr = op_getxattr,
	.listxattr = op_listxattr, .removexattr = op_removexattr,
};

static int fail(int rc, const char *what, char **ret_why)
{
	if (asprintf(ret_why, "%s: %s", what, strerror(-rc)) < 0)
		*ret_why = NULL;
	return rc;
}

/* -- opening -- */

/* Its bytes, of a file that is in files/, too, its share by names. */
static void count_version(void *ctx, const struct stat *st)
{
	struct mount *m = ctx;

	atomic_store(&m->past, true);
	if (S_ISREG(st->st_mode))
		room_sealed(m, (uint64_t)st->st_size / st->st_nlink);
	if (st->st_nlink > 1)
		keptlinks_add(&m->keptlinks, st->st_ino);
}

static int open_files(struct mount *m, char **ret_why)
{
	const struct config *c = m->s.config;
	const struct rules *rules = NULL;
	struct stat st;
	int rc;

	m->files = open(m->s.files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->files < 0 || fstat(m->files, &st) != 0)
		return fail(-errno, m->s.files_dir, ret_why);
	m->versions = versions_open(m->s.versions_dir);
	if (m->versions < 0)
		return fail(m->versions, m->s.versions_dir, ret_why);
	rc = versions_each(m->versions, count_version, m);
	if (rc < 0)
		return fail(rc, m->s.versions_dir, ret_why);
	rc = backing_stat(m->files, "", &st);
	if (rc != 0)
		return fail(rc, "openat2 (Linux 5.6 or later)", ret_why);
	rc = presets_use(c->presets, c->preset != NULL ? c->preset : "default",
		&rules, ret_why);
	if (rc == 0)
		rc = nodes_init(&m->nodes, rules, st.st_ino);
	if (rc == 0)
		rc = binding_open(m, ret_why);
	if (rc != 0)
		return rc;
	/* none of the mount before */
	m->nodes.generation = (uint32_t)m->s.clock->ops->now_ms(m->s.clock);
	mount_settle(m);
	m->as_root = geteuid() == 0;
	m->labels = access("/sys/fs/selinux", F_OK) == 0;
	atomic_store(&m->immutable, m->as_root && c->immutable);
	return 0;
}

static int read_state(struct mount *m, char **ret_why)
{
	int rc = certfile_open(m->s.local, m->s.b0, m->s.params, &m->certs);

	if (rc == 0 && m->s.refused_log != NULL)
		rc = refusals_open(m->s.refused_log, m->s.clock, &m->refusals);
	if (rc == 0) {
		m->growth = growth_new();
		rc = m->growth == NULL ? -ENOMEM : 0;
	}
	if (rc == 0)
		rc = sealer_new(m, &m->sealer);
	if (rc == 0)
		rc = park_new(m, &m->park);
	if (rc == 0)
		rc = gone_new(m, &m->gone);
	if (rc == 0)
		rc = start_begin(m);
	if (rc == 0)
		rc = retain_start(m);
	if (rc == 0)
		rc = start_walk(m, "");
	idle_begin(m);
	if (rc == 0)
		gone_note(m->gone, ""); /* what a run that was cut off owes */
	if (rc == 0)
		rc = room_start(m);
	return rc == 0 ? 0 : fail(rc, "reading what is sealed", ret_why);
}

/* A comma in the vault's path would end the option. */
static char *escaped(const char *text)
{
	char *r = malloc(2 * strlen(text) + 1), *p = r;

	if (r == NULL)
		return NULL;
	for (; *text != '\0'; *p++ = *text++)
		if (*text == ',' || *text == '\\')
			*p++ = '\\';
	*p = '\0';
	return r;
}

/* Two that mount at one place wait for one another here, and the later one sees
 * the mount of the other.  Where there are no locks, and where somebody else
 * does not let go of his, it goes on without.  A descriptor, or -1. */
static int lock_place(const char *dir)
{
	static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int tries = 0;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 &&
		errno == EWOULDBLOCK && tries++ < PLACE_TRIES)
		nanosleep(&pause, NULL);
	return fd;
}

static int mount_session(struct mount *m, char **ret_why)
{
	cleanup(close) int place = lock_place(m->mount_point);
	int rc = mountpoint_ready(m->mount_point, ret_why);

	if (rc != 0)
		return rc;
	if (fuse_session_mount(m->se, m->mount_point) != 0)
		return fail(-EIO, "FUSE does not mount (may you use /dev/fuse, "
			"and is fusermount3 there?)", ret_why);
	serving_of(m)->mounted = true;
	return 0;
}

static int open_session(struct mount *m, const char *options, char **ret_why)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	cleanup(free) char *name = escaped(m->s.fsname);
	cleanup(free) char *o = NULL;
	int rc;

	if (name == NULL || asprintf(&o,
			"fsname=%s,subtype=notaryfs,default_permissions%s%s%s",
			name, m->as_root ? ",allow_other" : "",
			options != NULL && *options != '\0' ? "," : "",
			options != NULL ? options : "") < 0)
		return fail(-ENOMEM, "mount options", ret_why);
	if (fuse_opt_add_arg(&args, "notaryfs") == 0 &&
		fuse_opt_add_arg(&args, "-o") == 0 &&
		fuse_opt_add_arg(&args, o) == 0)
		m->se = fuse_session_new(&args, &ops, sizeof ops, m);
	fuse_opt_free_args(&args);
	if (m->se == NULL)
		return fail(-EINVAL, "an option that neither notaryfs nor FUSE "
			"knows", ret_why);
	rc = mount_session(m, ret_why);
	if (rc != 0)
		return rc;
	rc = negotiate_start(m->se);
	if (rc == 0) {
		serving_of(m)->dispatch = dispatch_new(m->se);
		rc = serving_of(m)->dispatch == NULL ? -ENOMEM : 0;
	}
	return rc == 0 ? 0 : fail(rc, "FUSE", ret_why);
}

/* Threads of ours take no signals: the program's handlers run elsewhere. */
static int start_threads(struct mount *m, char **ret_why)
{
	sigset_t all = signals_from_outside(), before;
	int rc;

	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = sealer_start(m->sealer);
	if (rc == 0)
		rc = park_start(m->park);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	serving_of(m)->started = rc == 0;
	return rc == 0 ? 0 : fail(rc, "starting threads", ret_why);
}

static void free_mount(struct mount *m)
{
	struct serving *v = serving_of(m);

	dispatch_free(v->dispatch);
	if (m->se != NULL) {
		if (v->mounted)
			fuse_session_unmount(m->se);
		fuse_session_destroy(m->se);
	}
	park_free(m->park);
	sealer_free(m->sealer);
	growth_free(m->growth);
	gone_free(m->gone);
	certfile_free(m->certs);
	room_done(&m->room);
	refusals_close(m->refusals);
	handles_end(m);
	binding_close(m);
	nodes_done(&m->nodes);
	folders_done(&m->folders);
	if (m->files >= 0)
		close(m->files);
	pthread_rwlock_destroy(&m->tree);
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->newest);
	pthread_mutex_destroy(&m->queueing);
	pthread_mutex_destroy(&m->parting);
	pthread_cond_destroy(&m->sealed);
	keptlinks_done(&m->keptlinks);
	if (m->versions >= 0)
		close(m->versions);
	pthread_mutex_destroy(&m->retain);
	free(m->mount_point);
	free(v);
}

static struct mount *new_mount(const struct mount_services *s,
	const char *mount_point)
{
	struct serving *v = calloc(1, sizeof(*v));
	pthread_rwlockattr_t fair;
	struct mount *m;

	if (v == NULL)
		return NULL;
	m = &v->m;
	m->s = *s;
	m->files = -1;
	m->mount_point = strdup(mount_point);
	pthread_rwlockattr_init(&fair); /* a rename is not starved by lookups */
	pthread_rwlockattr_setkind_np(&fair,
		PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&m->tree, &fair);
	pthread_rwlockattr_destroy(&fair);
	pthread_mutex_init(&m->lock, NULL);
	folders_init(&m->folders);
	pthread_mutex_init(&m->newest, NULL);
	pthread_mutex_init(&m->queueing, NULL);
	pthread_mutex_init(&m->parting, NULL);
	pthread_cond_init(&m->sealed, NULL);
	m->versions = -1;
	atomic_init(&m->past, false);
	keptlinks_init(&m->keptlinks);
	pthread_mutex_init(&m->retain, NULL);
	room_init(&m->room);
	if (m->mount_point != NULL)
		return m;
	free_mount(m);
	return NULL;
}

/* What anybody has open in the mount is open here too, and sealing needs some
 * beside it: 1,024, the usual soft limit, are soon used up.  What the hard one
 * allows is taken; where even that fails, what there is must do. */
static void allow_many_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

int mount_open(const struct mount_services *s, const char *mount_point,
	const char *fuse_options, struct mount **ret, char **ret_why)
{
	struct mount *m;
	int rc = mountpoint_ready(mount_point, ret_why);

	if (rc != 0)
		return rc;
	m = new_mount(s, mount_point);
	if (m == NULL)
		return fail(-ENOMEM, mount_point, ret_why);
	umask(0); /* modes come from the callers, whole */
	allow_many_files();
	rc = open_files(m, ret_why);
	if (rc == 0)
		rc = read_state(m, ret_why);
	if (rc == 0)
		rc = open_session(m, fuse_options, ret_why);
	if (rc == 0)
		rc = start_threads(m, ret_why);
	if (rc != 0) {
		if (m->sealer != NULL)
			sealer_stop(m->sealer);
		if (m->park != NULL)
			park_stop(m->park);
		free_mount(m);
		return rc;
	}
	*ret = m;
	return 0;
}

/* -- serving -- */

int mount_serve(struct mount *m)
{
	return dispatch_run(serving_of(m)->dispatch);
}

void mount_exit(struct mount *m)
{
	dispatch_stop(serving_of(m)->dispatch);
}

enum retention_mode mount_mode(struct mount *m)
{
	return retain_mode(m);
}

bool mount_count_begin(struct mount *m)
{
	struct timespec t;

	/* ThreadSanitizer does not know pthread_mutex_clocklock(3) */
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += COUNT_MS * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return pthread_mutex_timedlock(&m->queueing, &t) == 0;
}

void mount_count_end(struct mount *m, bool held)
{
	if (held)
		pthread_mutex_unlock(&m->queueing);
}

int mount_counts(struct mount *m, struct mount_counts *ret,
	struct local_counts *ret_local)
{
	const uint64_t *n = m->nodes.settle.count;
	bool held = mount_count_begin(m);
	int rc = m->s.local->ops->counts(m->s.local, ret_local);

	if (rc != 0) {
		mount_count_end(m, held);
		return rc;
	}
	pthread_mutex_lock(&m->lock);
	*ret = (struct mount_counts){
		.open = n[ST_OPEN],
		.settling = n[ST_SETTLING],
		.frozen = n[ST_FROZEN] + n[ST_SEALING] - m->early,
		.temp = n[ST_TEMP],
		.scratch = n[ST_SCRATCH],
	};
	pthread_mutex_unlock(&m->lock);
	mount_count_end(m, held);
	return 0;
}

void mount_sealing(struct mount *m, struct notary_health *ret)
{
	locked(&m->lock);
	*ret = m->sealing;
}

void mount_hashing(struct mount *m, struct mount_hashing *ret)
{
	(void)sealer_large(m->sealer, ret, NULL);
}

void mount_idle(struct mount *m, struct mount_idle *ret)
{
	(void)idle_look(m, ret, NULL);
}

void mount_progress(struct mount *m)
{
	park_wake(m->park);
}

void mount_settle(struct mount *m)
{
	const struct config *c = m->s.config;

	locked(&m->lock);
	m->nodes.settle.settle_ms = c->settle_ms;
	m->nodes.settle.settle_max_ms = c->settle_max_ms;
	m->nodes.settle.empty_ms = c->empty_settle_ms;
}

/* What is freed stays with us: between nodes that are freed others live. */
void mount_trim(struct mount *m)
{
	{
		locked(&m->lock);
		if (m->nodes.n_freed - m->trimmed < TRIM_NODES)
			return;
		m->trimmed = m->nodes.n_freed;
	}
	malloc_trim(0);
}

static bool any_open(struct mount *m)
{
	struct item *i;

	locked(&m->lock);
	for (i = m->nodes.settle.pending; i != NULL; i = i->next)
		if (i->writers > 0)
			return true;
	return false;
}

void mount_close(struct mount *m)
{
	if (m == NULL)
		return;
	sealer_stop(m->sealer);
	park_stop(m->park);
	if (!any_open(m) && start_end(m) != 0)
		mount_say(m, "the end of this run is not noted",
			m->mount_point, 0);
	free_mount(m);
}
