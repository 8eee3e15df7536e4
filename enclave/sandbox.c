#include "enclave/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

#ifndef ENCLAVE_OPEN
static bool write_file(const char *path, const char *text)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return good;
}

/* Without a mapping nothing can be mounted: files there have no owner. */
static void map_user(uid_t uid, gid_t gid)
{
	char line[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)uid);
	write_file("/proc/self/uid_map", line);
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)gid);
	write_file("/proc/self/gid_map", line);
}

/* As root without user namespaces the others may still be had. */
static bool namespaces(int spaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | spaces) != 0)
		return unshare(spaces) == 0;
	map_user(uid, gid);
	return true;
}

/* pivot_root(".", ".") puts the old root on top of the new one, from where it
 * is taken off; so no folder is needed for it. */
static bool empty_root(void)
{
	static const char at[] = "/tmp";
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", at, "tmpfs", flags, "size=4k,nr_inodes=2,mode=0") ==
		       0 &&
	       chdir(at) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
	       umount2(".", MNT_DETACH) == 0 && chdir("/") == 0 &&
	       mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags,
		       NULL) == 0;
}

/* A mount namespace begins with all that is mounted, and while it has that
 * nobody else can unmount it for good.  Where the namespace can be had and its
 * root not be emptied (a policy that refuses mount()) there would be no way
 * back, so another process tries first. */
static bool lets_go_of_mounts(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(namespaces(CLONE_NEWNS) && empty_root() ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}
#endif

uint32_t sandbox_enclose(void)
{
	uint32_t bits = 0;

#ifndef ENCLAVE_OPEN
	if (!lets_go_of_mounts())
		(void)namespaces(SPACES & ~CLONE_NEWNS); /* not all: no bit */
	else if (namespaces(SPACES))
		bits |= SANDBOX_NAMESPACES |
			(empty_root() ? SANDBOX_ROOT : 0);
#endif
	return bits;
}

static bool no_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}, {0}};
	int cap;

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (cap = 0; cap <= 63; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* if we may */
	return syscall(SYS_capset, &head, none) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

#ifndef ENCLAVE_OPEN
/* Messages on sockets held, memory, randomness, and the end. */
static bool filter(void)
{
	static const int allowed[] = {SCMP_SYS(recvfrom), SCMP_SYS(sendto),
		SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(brk), SCMP_SYS(mmap),
		SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
		SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(getpid),
		SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
		SCMP_SYS(time), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(restart_syscall), SCMP_SYS(exit_group)};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool good = ctx != NULL;
	size_t i;

	for (i = 0; good && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		good = allowed[i] == SCMP_SYS(mmap)
			/* memory, and none that could be run */
			? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 2,
				  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				  SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS,
					  MAP_ANONYMOUS)) == 0
			: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i],
				  0) == 0;
	good = good && seccomp_load(ctx) == 0;
	seccomp_release(ctx);
	return good;
}
#endif

static uint32_t lock_all(void)
{
	return mlockall(MCL_CURRENT) == 0 ? SANDBOX_LOCKED_ALL : 0;
}

int sandbox_seal(uint32_t *ret_bits)
{
	const struct rlimit none = {0, 0};
	uint32_t bits = lock_all();

	setrlimit(RLIMIT_CORE, &none);
	if (!no_capabilities())
		return -EPERM;
	bits |= SANDBOX_CAPS;
#ifndef ENCLAVE_OPEN
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		bits |= SANDBOX_HIDDEN;
	/* A file as large as nothing: no writing even through a stray handle. */
	setrlimit(RLIMIT_FSIZE, &none);
	if (!filter())
		return -EPERM;
	bits |= SANDBOX_SECCOMP;
#endif
	*ret_bits = bits;
	return 0;
}

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{SANDBOX_NAMESPACES, "namespaces"},
	{SANDBOX_ROOT, "empty root"},
	{SANDBOX_CAPS, "no capabilities"},
	{SANDBOX_SECCOMP, "seccomp"},
	{SANDBOX_HIDDEN, "not dumpable"},
	{SANDBOX_SECRET, "memfd_secret"},
	{SANDBOX_LOCKED, "locked keys"},
	{SANDBOX_LOCKED_ALL, "locked memory"},
	{SANDBOX_MEASURED, "sealed image"},
};

static size_t list(uint32_t bits, char *ret, size_t n)
{
	const char *sep = "";
	size_t i, at = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]) && at < n; i++)
		if ((bits & names[i].bit) != 0) {
			at += (size_t)snprintf(ret + at, n - at, "%s%s", sep,
				names[i].name);
			sep = ", ";
		}
	return at;
}

void sandbox_text(uint32_t bits, char *ret, size_t n)
{
	size_t at = (size_t)snprintf(ret, n, "%s",
		(bits & SANDBOX_ALL) == 0 ? "not sandboxed" : "sandboxed: ");

	if (at < n)
		at += list(bits, ret + at, n - at);
	if (at < n && (bits & SANDBOX_ALL) != SANDBOX_ALL &&
		(bits & SANDBOX_ALL) != 0) {
		at += (size_t)snprintf(ret + at, n - at, "; without ");
		if (at < n)
			list(~bits, ret + at, n - at);
	}
}
