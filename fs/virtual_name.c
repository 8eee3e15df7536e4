#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/certificate.h"
#include "core/hash.h"
#include "fs/history.h"
#include "fs/virtual_inner.h"

#define TOP_BIT (UINT64_C(1) << 63)
#define CERT ".cert"		/* unless the configuration has another one */
#define JSON ".json"		/* behind it */
#define PARTS ".d"

bool virtual_is_history(enum virtual_kind k)
{
	return k >= VIRTUAL_HISTORY && k <= VIRTUAL_GONE_CERT;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n > k && strcmp(text + n - k, end) == 0;
}

ino_t virtual_ino(enum virtual_kind kind, const char *path)
{
	uint8_t k = (uint8_t)kind;
	struct bytes parts[] = {BYTES(&k, 1), BYTES(path, strlen(path))};
	struct hash h = hash_sha256_parts(parts, 2);
	uint64_t ino;

	memcpy(&ino, h.b, sizeof ino);
	return (ino_t)(ino | TOP_BIT);
}

const char *virtual_suffix(const struct mount *m)
{
	return m->s.config->cert_suffix != NULL ? m->s.config->cert_suffix :
		CERT;
}

/* What is beside a file, by the end of its name. */
static enum virtual_kind kind_beside(const struct mount *m, const char *text)
{
	static const struct {
		const char *end;
		enum virtual_kind kind;
	} ends[] = {{"", VIRTUAL_CERT}, {JSON, VIRTUAL_JSON},
		{PARTS, VIRTUAL_PARTS}};
	char end[CONFIG_SUFFIX_MAX + sizeof JSON];
	size_t i;

	for (i = 0; i < sizeof ends / sizeof *ends; i++) {
		snprintf(end, sizeof end, "%s%s", virtual_suffix(m),
			ends[i].end);
		if (ends_with(text, end))
			return ends[i].kind;
	}
	return VIRTUAL_NONE;
}

/* The name of such a file of which `left` is left; NULL: it has none. */
static const char *whose(DIR *d, const char *left)
{
	char name[CERTIFICATE_NAME_MAX + 1];
	struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		certificate_name(BYTES(e->d_name, strlen(e->d_name)), name);
		if (strlen(e->d_name) > CERTIFICATE_NAME_LONG &&
			memcmp(name, left, CERTIFICATE_NAME_CUT) == 0)
			return e->d_name;
	}
	return NULL;
}

/* A file whose name leaves no room for the suffix has its certificate under a
 * shortened one (certificate.h): back to its own, if it is there. */
static void lengthen(const struct mount *m, char path[NODE_PATH])
{
	char left[CERTIFICATE_NAME_CUT + 1];
	char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	const char *found = NULL;
	DIR *d = NULL;
	struct stat st;
	int fd;

	if (strlen(base) != CERTIFICATE_NAME_CUT ||
		backing_stat(m->files, path, &st) == 0)
		return;
	memcpy(left, base, sizeof(left));
	*base = '\0';
	fd = backing_open(m->files, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && (d = fdopendir(fd)) == NULL)
		close(fd);
	if (d != NULL)
		found = whose(d, left);
	if (found == NULL || strlen(path) + strlen(found) >= NODE_PATH)
		found = left;
	memcpy(base, found, strlen(found) + 1);
	if (d != NULL)
		closedir(d);
}

/* Takes the suffix of that kind off a path. */
static void cut(const struct mount *m, enum virtual_kind kind, char *path)
{
	size_t n = strlen(virtual_suffix(m)) + (kind == VIRTUAL_JSON ?
		strlen(JSON) : kind == VIRTUAL_PARTS ? strlen(PARTS) : 0);

	path[strlen(path) - n] = '\0';
	lengthen(m, path);
}

int virtual_subject(struct mount *m, struct node *n, char ret[NODE_PATH])
{
	char *p = ret;
	int rc = inode_path(m, n, ret);

	if (rc < 0)
		return rc;
	switch (n->virtual) {
	case VIRTUAL_CERT:
		if (strncmp(ret, NOTARY_DIR "/cert/", 13) != 0) {
			cut(m, VIRTUAL_CERT, ret);
			return 0;
		}
		break;
	case VIRTUAL_JSON:
		cut(m, VIRTUAL_JSON, ret);
		return 0;
	case VIRTUAL_PART:
		*strrchr(ret, '/') = '\0';
		/* fall through */
	case VIRTUAL_PARTS:
		cut(m, VIRTUAL_PARTS, ret);
		return 0;
	case VIRTUAL_LOG:
	case VIRTUAL_LOG_FIXED:
	case VIRTUAL_LOG_LIVE:
	case VIRTUAL_CERTS:
	case VIRTUAL_WAITS:
	case VIRTUAL_WAIT:
		break;
	default:
		if (virtual_is_history(n->virtual))
			break;
		*ret = '\0';
		return 0;
	}
	p += strlen(NOTARY_DIR) + 1;
	p += strcspn(p, "/"); /* "cert", "wait" and the like */
	p += *p == '/';
	memmove(ret, p, strlen(p) + 1);
	return 0;
}

struct logtree virtual_log(struct mount *m)
{
	return (struct logtree){.local = m->s.local, .b0 = m->s.b0,
		.params = m->s.params, .anchor = &m->s.anchor};
}

/* What `text` is in that folder, by the name alone. */
static enum virtual_kind kind_top(const char *text)
{
	static const struct {
		const char *text;
		enum virtual_kind kind;
	} known[] = {
		{"anchor", VIRTUAL_ANCHOR}, {"status", VIRTUAL_STATUS},
		{"cert", VIRTUAL_CERTS}, {"wait", VIRTUAL_WAITS},
		{"ctl", VIRTUAL_CTL}, {"audit", VIRTUAL_AUDIT},
		{"log", VIRTUAL_LOG}, {"history", VIRTUAL_HISTORY},
		{"deleted", VIRTUAL_DELETED}, {"hashing", VIRTUAL_HASHING},
		{"idle", VIRTUAL_IDLE},
	};
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].text, text) == 0)
			return known[i].kind;
	return VIRTUAL_NONE;
}

/* Below .notary/cert and .notary/wait: as the real tree is. */
static int kind_mirror(struct mount *m, struct node *folder, const char *text,
	enum virtual_kind *ret)
{
	char path[NODE_PATH];
	struct stat st;
	int rc = virtual_subject(m, folder, path);
	size_t n = strlen(path);

	if (rc != 0)
		return rc;
	if (n + strlen(text) + 2 > sizeof path)
		return -ENAMETOOLONG;
	snprintf(path + n, sizeof path - n, "%s%s", n > 0 ? "/" : "", text);
	rc = backing_stat(m->files, path, &st);
	if (rc != 0)
		return rc;
	if (S_ISDIR(st.st_mode))
		*ret = folder->virtual;
	else
		*ret = folder->virtual == VIRTUAL_CERTS ? VIRTUAL_CERT :
			VIRTUAL_WAIT;
	return 0;
}

static int kind_log(struct mount *m, struct node *folder, const char *text,
	enum virtual_kind *ret)
{
	static const enum virtual_kind kinds[] = {
		[LOGTREE_FOLDER] = VIRTUAL_LOG,
		[LOGTREE_FIXED] = VIRTUAL_LOG_FIXED,
		[LOGTREE_LIVE] = VIRTUAL_LOG_LIVE,
	};
	struct logtree log = virtual_log(m);
	enum logtree_kind kind;
	char path[NODE_PATH];
	int rc = virtual_subject(m, folder, path);
	size_t n = strlen(path);

	if (rc != 0)
		return rc;
	if (n + strlen(text) + 2 > sizeof path)
		return -ENAMETOOLONG;
	snprintf(path + n, sizeof path - n, "%s%s", n > 0 ? "/" : "", text);
	rc = logtree_look(&log, path, &kind);
	if (rc == 0)
		*ret = kinds[kind];
	return rc;
}

static int kind_history(struct mount *m, struct node *folder, const char *text,
	enum virtual_kind *ret)
{
	char path[NODE_PATH];
	int rc = virtual_subject(m, folder, path);

	return rc != 0 ? rc :
		history_kind(m, folder->virtual, path, text, ret);
}

int virtual_what(struct mount *m, struct node *folder, const char *text,
	enum virtual_kind *ret)
{
	if (folder->virtual == VIRTUAL_PARTS)
		*ret = VIRTUAL_PART;
	else if (folder->virtual == VIRTUAL_LOG)
		return kind_log(m, folder, text, ret);
	else if (virtual_is_history(folder->virtual))
		return kind_history(m, folder, text, ret);
	else if (folder->type == NODE_VIRTUAL && folder->virtual != VIRTUAL_TOP)
		return kind_mirror(m, folder, text, ret);
	else if (folder->type == NODE_VIRTUAL)
		*ret = kind_top(text);
	else if (folder == m->nodes.root && strcmp(text, NOTARY_DIR) == 0)
		*ret = VIRTUAL_TOP;
	else
		*ret = kind_beside(m, text);
	return *ret == VIRTUAL_NONE ? -ENOENT : 0;
}

bool virtual_may_come(const struct mount *m, const struct node *folder,
	const char *text)
{
	return folder->type == NODE_VIRTUAL ||
		kind_beside(m, text) != VIRTUAL_NONE;
}
