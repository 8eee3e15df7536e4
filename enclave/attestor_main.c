/*
 * notaryfs-attestor: plays the hypervisor for a local enclave.
 *
 *	notaryfs-attestor STATE_DIR ENCLAVE
 *
 * It measures and starts the enclave, signs its documents under a root of its
 * own, and keeps the hand-over between two runs.  Descriptor LAUNCH_HOST is
 * its socket to the host, LAUNCH_ATTESTOR is the enclave's.  It ends when
 * either of the two others is gone, and takes the enclave along.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/attestor.h"
#include "core/cleanup.h"
#include "enclave/keeper.h"
#include "enclave/launch.h"
#include "enclave/measure.h"
#include "enclave/numbering.h"
#include "enclave/sandbox.h"
#include "enclave/wire.h"

#define EXIT_USAGE 64
#define HELLO_MS 10000	/* how long an enclave may take to start */
#define INSTALLATION 16
#define IMAGE 48

struct platform {
	struct keeper keeper;
	struct image image;
	struct attestor *attestor;
	struct launched enclave;
	uint32_t isolation;	/* sandbox.h */
	struct buf frame;	/* the last one received */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void wipe(struct buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	buf_free(b);
}

static int make_root(const struct keeper *k, struct bytes installation)
{
	struct buf pem = {0};
	int rc = installation.n == INSTALLATION ? 0 : -EINVAL;

	if (rc == 0)
		rc = attestor_root_make(installation.p, now_ms(), &pem);
	if (rc == 0)
		rc = keeper_write(k, KEEPER_ROOT, BUF_BYTES(&pem), true);
	wipe(&pem);
	return rc;
}

/* The enclave's own word on its sandbox; it is the measured program's. */
static int hello(struct platform *p)
{
	struct wire w;
	int rc = wire_recv(p->enclave.fd, HELLO_MS, &p->frame, &w);

	if (rc != 0)
		return rc;
	if (w.op != WIRE_HELLO || w.number[0] > SANDBOX_ALL)
		return -EBADMSG;
	p->isolation = (uint32_t)w.number[0];
	if (p->image.sealed)
		p->isolation |= SANDBOX_MEASURED;
	w = (struct wire){.op = WIRE_OK};
	return wire_send(p->enclave.fd, &w);
}

static int start_attestor(struct platform *p)
{
	struct buf pem = {0};
	int rc = keeper_read(&p->keeper, KEEPER_ROOT, &pem);

	if (rc == 0)
		rc = attestor_new(BUF_BYTES(&pem), p->image.sha384,
			p->isolation, now_ms(), &p->attestor);
	wipe(&pem);
	return rc;
}

static int start(struct platform *p, const char *program,
	const struct wire *w)
{
	int rc = 0;

	if (w->op != WIRE_START || p->attestor != NULL)
		return -EPROTO;
	if (w->number[0] != 0)
		rc = make_root(&p->keeper, w->item[0]);
	if (rc == 0)
		rc = measure(program, &p->image);
	if (rc == 0)
		rc = launch(&p->image, LAUNCH_ATTESTOR, &p->enclave);
	close(LAUNCH_ATTESTOR); /* or we would never see the enclave's end */
	if (rc == 0)
		rc = hello(p);
	if (rc == 0)
		rc = start_attestor(p);
	return rc;
}

static int say_no(int fd, int rc)
{
	struct wire w = {.op = WIRE_NO, .n_numbers = 1, .n_items = 2};

	w.number[0] = (uint64_t)-rc;
	return wire_send(fd, &w);
}

static int say_started(struct platform *p)
{
	cleanup(buf) struct buf key = {0};
	struct wire w = {.op = WIRE_OK, .n_numbers = 2, .n_items = 2};
	int rc = attestor_root_key(p->attestor, &key);

	if (rc != 0)
		return say_no(LAUNCH_HOST, rc);
	w.number[0] = (uint64_t)p->enclave.pid;
	w.number[1] = p->isolation;
	w.item[0] = attestor_root(p->attestor);
	w.item[1] = BUF_BYTES(&key);
	return wire_send(LAUNCH_HOST, &w);
}

static int document(struct platform *p, const struct wire *w, struct buf *ret)
{
	if (w->item[0].n != 0 && w->item[0].n != IMAGE)
		return -EINVAL;
	return attestor_document(p->attestor,
		w->item[0].n == 0 ? NULL : w->item[0].p, w->item[1],
		w->item[2], BYTES(NULL, 0), now_ms(), ret);
}

/* What the enclave asks for; *ret_items is 0 or 1. */
static int answer(struct platform *p, const struct wire *w, struct buf *ret,
	size_t *ret_items)
{
	*ret_items = w->op == WIRE_DOCUMENT || w->op == WIRE_TAKE ||
		     w->op == WIRE_RECORD;
	switch (w->op) {
	case WIRE_DOCUMENT:
		return document(p, w, ret);
	case WIRE_KEEP:
		return keeper_write(
			&p->keeper, KEEPER_HANDOVER, w->item[0], false);
	case WIRE_TAKE:
		return keeper_read(&p->keeper, KEEPER_HANDOVER, ret);
	case WIRE_DROP:
		return keeper_drop(&p->keeper, KEEPER_HANDOVER);
	case WIRE_RECORD:
		return attestor_root_sign(p->attestor, w->item[0], ret);
	default:
		return -EOPNOTSUPP;
	}
}

static int serve_enclave(struct platform *p)
{
	struct wire w, reply = {.op = WIRE_OK};
	struct buf out = {0};
	int rc = wire_recv(p->enclave.fd, 0, &p->frame, &w);

	if (rc != 0)
		return rc;
	rc = answer(p, &w, &out, &reply.n_items);
	OPENSSL_cleanse(p->frame.p, p->frame.cap);
	reply.item[0] = BUF_BYTES(&out);
	rc = rc == 0 ? wire_send(p->enclave.fd, &reply)
		     : say_no(p->enclave.fd, rc);
	wipe(&out);
	return rc;
}

/* Until host or enclave is gone. */
static int serve(struct platform *p)
{
	struct pollfd f[] = {{.fd = LAUNCH_HOST, .events = POLLIN},
		{.fd = p->enclave.fd, .events = POLLIN}};
	int rc = 0;

	while (rc == 0) {
		if (poll(f, 2, -1) < 0) {
			rc = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (f[0].revents != 0) /* it has nothing more to ask */
			break;
		if (f[1].revents != 0)
			rc = serve_enclave(p);
	}
	return rc == -EPIPE ? 0 : rc;
}

static void end(struct platform *p)
{
	if (p->enclave.pid > 0) {
		kill(p->enclave.pid, SIGKILL);
		waitpid(p->enclave.pid, NULL, 0);
	}
	if (p->enclave.fd >= 0)
		close(p->enclave.fd);
	attestor_free(p->attestor);
	measure_done(&p->image);
	keeper_close(&p->keeper);
	wipe(&p->frame);
}

/* The terminal's signals are for the daemon, which ends us by hand-over. */
static void ignore_signals(void)
{
	static const int all[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE,
		SIGUSR1, SIGUSR2, SIGTSTP};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		signal(all[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

static void harden(void)
{
	const struct rlimit none = {0, 0};

	close_range(LAUNCH_ATTESTOR + 1, ~0U, 0);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int help(int argc, char **argv)
{
	bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;

	fprintf(asked ? stdout : stderr,
		"notaryfs-attestor: measures and starts notaryfs-enclave.\n"
		"It is started by notaryfs and by nobody else.\n");
	return asked ? 0 : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct platform p = {.keeper = {-1}, .image = {.fd = -1},
		.enclave = {.fd = -1}};
	struct wire w;
	int rc;

	if (argc != 3 || !is_socket(LAUNCH_HOST) ||
		!is_socket(LAUNCH_ATTESTOR))
		return help(argc, argv);
	ignore_signals();
	harden();
	rc = wire_recv(LAUNCH_HOST, -1, &p.frame, &w);
	if (rc == 0)
		rc = keeper_open(argv[1], &p.keeper);
	if (rc == 0)
		rc = start(&p, argv[2], &w);
	rc = rc == 0 ? say_started(&p) : say_no(LAUNCH_HOST, rc);
	if (rc == 0 && p.attestor != NULL)
		rc = serve(&p);
	end(&p);
	return rc == 0 ? 0 : 1;
}
