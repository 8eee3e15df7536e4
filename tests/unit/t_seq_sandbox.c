/*
 * What the local sequencer's enclave is kept in: what others see of it, and what
 * it may do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/scratch.h"
#include "tests/lib/seqlife.h"
#include "tests/tap/tap.h"

/* What another process of any user can see of the enclave. */
static void isolation(struct seqlife *w)
{
	char path[64];
	struct stat st;
	pid_t pid = seq_local_enclave_pid(w->q);
	ssize_t n;
	char link[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		skip(1, "cannot look into the enclave's process here");
	else
		ok(strstr(link, "memfd:") != NULL,
			"what runs is the sealed copy: %s", link);
	is_int(stat(scratch_path(w->dir, "attestor-root.pem"), &st), 0,
		"there is a root key");
	is_int(st.st_mode & 0777, 0600, "the root key is the owner's alone");
}

/* The first page of the mapping that holds the keys; 0: there is none. */
static off_t secret_page(pid_t pid)
{
	char path[64], line[512];
	unsigned long long at = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && at == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "secretmem") != NULL)
			at = strtoull(line, NULL, 16);
	if (f != NULL)
		fclose(f);
	return (off_t)at;
}

/* Reading the enclave's memory: root gets at all but the keys, others of the
 * same user at nothing. */
static void memory(struct seqlife *w)
{
	pid_t pid = seq_local_enclave_pid(w->q);
	off_t at = secret_page(pid);
	char path[64], byte;
	int fd;

	if (strstr(seq_local_isolation(w->q), "not dumpable") == NULL ||
		strstr(seq_local_isolation(w->q), "without") != NULL) {
		skip(1, "not all of the sandbox is to be had here");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (geteuid() != 0)
		ok(fd < 0 && errno == EACCES,
			"another process of the same user may not look inside");
	else
		ok(at != 0 && pread(fd, &byte, 1, at) < 0 && errno == EIO,
			"root may look inside, but not at the keys");
	if (fd >= 0)
		close(fd);
}

static void self_test(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl(BUILD_DIR "/notaryfs-enclave", "notaryfs-enclave",
			"--self-test-open", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(1, "the sanitizers' build has no system call filter");
#else
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		"open() inside the sandbox kills the enclave");
#endif
}

/* From here on this process and what it starts may not mount. */
static int refuse_mount(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog all = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
		return -errno;
	return 0;
}

static ssize_t mounts_of(const char *process, char ret[64])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	memset(ret, 0, 64);
	return readlink(path, ret, 63);
}

/* An enclave that cannot empty its root must not have one of its own: it would
 * hold a copy of every mount, and none of them could end. */
static void no_mount(struct seqlife *w)
{
	char enclave[16], theirs[64], ours[64];

	if (refuse_mount() != 0) {
		skip(2, "no filter of system calls here");
		return;
	}
	seqlife_start(w);
	ok(strstr(seq_local_isolation(w->q), "empty root") == NULL ||
		strstr(seq_local_isolation(w->q), "without namespaces, empty "
			"root") != NULL, "where nothing can be mounted: %s",
		seq_local_isolation(w->q));
	snprintf(enclave, sizeof(enclave), "%d",
		(int)seq_local_enclave_pid(w->q));
	if (mounts_of(enclave, theirs) <= 0 || mounts_of("self", ours) <= 0)
		skip(1, "cannot look into the enclave's process here");
	else
		is_str(theirs, ours, "it holds no copies of what is mounted");
	seqlife_handover(w);
}

int main(void)
{
	struct seqlife w = {0};

	plan(0);
	self_test();
	seqlife_make_chain(&w, BUILD_DIR "/notaryfs-attestor",
		BUILD_DIR "/notaryfs-enclave");
	seqlife_start(&w);
	isolation(&w);
	memory(&w);
	seqlife_handover(&w);
	no_mount(&w);
	seqlife_done(&w);
	return done();
}
