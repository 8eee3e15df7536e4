#include "fs/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/params.h"
#include "core/verify.h"
#include "fs/offline.h"
#include "fs/place.h"
#include "fs/text.h"
#include "fs/waiting.h"

#define COPY_BUFFER ((size_t)1 << 20) /* bytes */

static const char *in_vault(const struct export *e, const char *name)
{
	const char *rest = name + strlen(e->root);

	return rest + (*rest == '/');
}

static int open_below(int dest, const char *name)
{
	int fd;

	if (mkdirat(dest, name, 0755) != 0)
		return errno == EEXIST ? -ENOTEMPTY : -errno;
	fd = openat(dest, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int export_begin(struct export *e, const char *dest)
{
	e->dest = e->out.root = e->certs.root = -1;
	e->cache = verify_cache_new();
	if (e->cache == NULL)
		return -ENOMEM;
	if (mkdir(dest, 0755) != 0 && (errno != EEXIST || rmdir(dest) != 0 ||
			mkdir(dest, 0755) != 0))
		return -errno;
	e->dest = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dest < 0)
		return -errno;
	e->out.root = open_below(e->dest, "files");
	if (e->out.root < 0)
		return e->out.root;
	e->certs.root = open_below(e->dest, "certificates");
	return e->certs.root < 0 ? e->certs.root : 0;
}

void export_end(struct export *e)
{
	verify_cache_free(e->cache);
	if (e->out.root >= 0)
		close(e->out.root);
	if (e->certs.root >= 0)
		close(e->certs.root);
	if (e->dest >= 0)
		close(e->dest);
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	ssize_t k;

	for (; n > 0; p += k, n -= (size_t)k) {
		k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			k = 0;
		if (k < 0)
			return -errno;
	}
	return 0;
}

static int copy(int from, int to, uint64_t *ret_n)
{
	cleanup(free) uint8_t *p = malloc(COPY_BUFFER);
	ssize_t n;
	int rc = 0;

	*ret_n = 0;
	if (p == NULL)
		return -ENOMEM;
	while (rc == 0 && (n = offline_some(from, p, COPY_BUFFER)) != 0) {
		if (n < 0)
			return (int)n;
		rc = write_all(to, p, (size_t)n);
		*ret_n += (uint64_t)n;
	}
	return rc;
}

/* Where the certificate of rest is put; NULL: no memory. */
static char *cert_path(const char *rest)
{
	char name[CERTIFICATE_NAME_MAX + 1];
	const char *base = strrchr(rest, '/');

	base = base == NULL ? rest : base + 1;
	certificate_name(BYTES(base, strlen(base)), name);
	return text_of("%.*s%s", (int)(base - rest), rest, name);
}

static int put_cert(struct export *e, const char *path, struct bytes cert)
{
	struct outfile f;
	int rc;

	rc = outtree_begin(&e->certs, BYTES(path, strlen(path)), &f);
	if (rc != 0)
		return rc;
	rc = write_all(f.fd, cert.p, cert.n);
	if (rc == 0)
		return outtree_keep(&e->certs, &f, NULL);
	outtree_drop(&f);
	return rc;
}

/* The copy, judged as a stranger would; V_VALID, or why not. */
static int judge(struct export *e, struct outfile *f, struct bytes cert,
	enum verdict *ret, struct record *ret_record)
{
	cleanup(free) struct report *r = calloc(1, sizeof(*r));
	struct content content = {0};
	int rc;

	if (r == NULL)
		return -ENOMEM;
	if (lseek(f->fd, 0, SEEK_SET) != 0)
		return -errno;
	rc = verify_begin(e->cache, cert, &e->anchor, r);
	offline_want(r, &content);
	if (rc == 0)
		rc = offline_content(f->fd, NULL, &content);
	if (rc != 0)
		return rc;
	verify_end(r, &content);
	*ret = r->verdict;
	*ret_record = r->record; /* points into cert */
	e->vouched = params_vouched(&r->params);
	return 0;
}

static int leave_out(struct export *e, const char *path, const char *why,
	uint64_t *count)
{
	(*count)++;
	e->left_out(e->ctx, path, why);
	return 0;
}

static const char *why_of(int rc)
{
	return rc == -ENAMETOOLONG
		? "its path is too long for a certificate beside it"
		: strerror(-rc);
}

static int keep(struct export *e, struct outfile *f, const struct record *d,
	const char *path, struct bytes cert)
{
	struct record shown = *d;
	int rc;

	shown.mode &= 0777; /* no setuid for strangers */
	shown.until = 0;
	rc = outtree_keep(&e->out, f, &shown);
	return rc != 0 ? rc : put_cert(e, path, cert);
}

static int export_file(struct export *e, const struct placed *p,
	const char *rest)
{
	cleanup(free) char *beside = cert_path(rest);
	cleanup(buf) struct buf cert = {0};
	cleanup(close) int fd = -1;
	enum verdict verdict = V_VALID;
	struct outfile f;
	struct record d = {0};
	uint64_t size;
	int rc = beside == NULL ? -ENOMEM : place_cert(e->root, rest, &cert);

	if (rc == -ENOENT && place_virtual(p->path, p->st))
		return 0; /* a certificate, where they are listed */
	if (rc == -ENOENT)
		return leave_out(e, p->name, waiting_reason(p->path),
			&e->missing);
	if (rc == 0)
		rc = offline_open(AT_FDCWD, p->path, &fd, &size);
	if (rc == 0 && strlen(beside) > RECORD_PATH_MAX)
		rc = -ENAMETOOLONG;
	if (rc != 0)
		return leave_out(e, p->name, why_of(rc), &e->refused);
	rc = outtree_begin(&e->out, BYTES(rest, strlen(rest)), &f);
	if (rc != 0)
		return rc;
	rc = copy(fd, f.fd, &size);
	if (rc == 0)
		rc = judge(e, &f, BUF_BYTES(&cert), &verdict, &d);
	if (rc != 0 || verdict != V_VALID) {
		outtree_drop(&f);
		return rc != 0 ? rc : leave_out(e, p->name,
			verdict_text(verdict), &e->refused);
	}
	rc = keep(e, &f, &d, beside, BUF_BYTES(&cert));
	if (rc != 0)
		return rc;
	e->files++;
	e->bytes += size;
	e->done(e->ctx, e);
	return 0;
}

static int export_link(struct export *e, const struct placed *p,
	const char *rest)
{
	char target[RECORD_PATH_MAX + 1];
	ssize_t n = readlink(p->path, target, sizeof target);
	struct record d = {.kind = RECORD_SYMLINK, .path = BYTES(rest,
		strlen(rest))};

	if (n < 0)
		return leave_out(e, p->name, strerror(errno), &e->refused);
	if (n == 0 || (size_t)n > RECORD_PATH_MAX)
		return -ENAMETOOLONG;
	d.target = BYTES(target, (size_t)n);
	return outtree_symlink(&e->out, &d);
}

int export_visit(void *export, const struct placed *p)
{
	struct export *e = export;
	const char *rest = in_vault(e, p->name);

	if (p->err != 0)
		return leave_out(e, p->name, strerror(-p->err), &e->refused);
	if (S_ISDIR(p->st->st_mode))
		return *rest == '\0' ? 0 :
			outtree_folder(&e->out, BYTES(rest, strlen(rest)));
	if (S_ISREG(p->st->st_mode))
		return export_file(e, p, rest);
	if (S_ISLNK(p->st->st_mode))
		return export_link(e, p, rest);
	return leave_out(e, p->name, "devices, FIFOs and sockets are never "
		"recorded", &e->missing);
}

/* -- the page -- */

static const char page[] =
"These files were recorded in a notaryfs vault. Each has a certificate that\n"
"shows, without asking anybody, that exactly this content was recorded under\n"
"this name, after one time and before another, at one place in the order of\n"
"all that the vault holds.\n"
"\n"
"  files/          %" PRIu64 " files, %" PRIu64 " bytes, under their paths in the vault\n"
"  certificates/   one for each, of the same path, with .cert at the end\n"
"  anchor          the 64 digits below\n"
"%s"
"\n"
"The vault's anchor is\n"
"\n"
"    %s\n"
"\n"
"Whoever handed you this folder could have made up another vault with another\n"
"anchor. So learn the anchor in a way that you trust, from the vault's owner or\n"
"from where it was published, and compare all 64 digits. Nothing else has to\n"
"be trusted but what the last section says.\n"
"\n"
"HOW TO CHECK\n"
"\n"
"On Linux, in this folder, with notary-verify (best from a source of your own;\n"
"it is one program that needs nothing else, no network and no account):\n"
"\n"
"    notary-verify --anchor ANCHOR -r files --certs certificates\n"
"\n"
"with the digits in the place of ANCHOR. It says for each file whether it is\n"
"valid and ends with a sum; its exit code is 0 if all are. One file in words:\n"
"\n"
"    notary-verify --anchor ANCHOR files/PATH certificates/PATH.cert\n"
"\n"
"The standard objects in a certificate (time-stamp tokens, COSE messages, X.509\n"
"certificates), with the commands by which openssl and others check them:\n"
"\n"
"    notary-verify parts certificates/PATH.cert FOLDER\n"
"\n"
"The format is public: core/FORMAT.md of notaryfs describes every byte.\n"
"\n"
"WHAT IT PROVES, ON WHOSE WORD\n"
"\n"
"That the content existed by the upper time that notary-verify prints, that it\n"
"was recorded after the lower one, and that nothing was inserted before or\n"
"removed behind it in the vault's order. Not that the content is true, nor who\n"
"wrote it; and it may be older than the lower time.\n"
"\n"
"%s";

static const char *const words[] = {
[VOUCHED_LOCAL] =
"This vault's class is \"local software\": times and numbers were given by\n"
"programs on the machine of the vault's owner. They prove as much as the word\n"
"of whoever controlled that machine.\n",
[VOUCHED_AWS] =
"This vault's class is \"AWS Nitro\": numbers were given by a program in an\n"
"enclave whose measurement the anchor names, attested by Amazon Web Services;\n"
"times are by the authorities that the anchor names.\n",
[VOUCHED_OTHER] =
"This vault's class has the form of \"AWS Nitro\", but not AWS's root: numbers\n"
"were given by a program that whoever has this root vouches for; times are by\n"
"the authorities that the anchor names.\n",
};

static int save(int dest, const char *name, struct bytes text)
{
	cleanup(close) int fd = openat(dest, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : write_all(fd, text.p, text.n);
}

static int save_program(int dest, const char *program)
{
	cleanup(close) int from = open(program, O_RDONLY | O_CLOEXEC);
	cleanup(close) int to = from < 0 ? -1 : openat(dest, "notary-verify",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	uint64_t n;

	return to < 0 ? -errno : copy(from, to, &n);
}

int export_page(struct export *e, const char *program)
{
	char hex[HASH_HEX + 2];
	cleanup(free) char *text = NULL;
	int n, rc = program != NULL ? save_program(e->dest, program) : 0;

	if (rc != 0)
		return rc;
	hex_encode(HASH_BYTES(&e->anchor), hex);
	n = asprintf(&text, page, e->files, e->bytes, program == NULL ? "" :
		"  notary-verify   the program that checks them (Linux)\n",
		hex, words[e->vouched]);
	if (n < 0)
		return -ENOMEM;
	rc = save(e->dest, "VERIFY.txt", BYTES(text, (size_t)n));
	free(text);
	text = NULL;
	if (rc != 0)
		return rc;
	strcat(hex, "\n");
	return save(e->dest, "anchor", BYTES(hex, HASH_HEX + 1));
}
