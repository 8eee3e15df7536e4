#include "core/record.h"

#include <errno.h>
#include <string.h>

#include "core/cborread.h"

bool record_path_ok(struct bytes path)
{
	size_t i, start = 0;

	if (path.n > RECORD_PATH_MAX)
		return false;
	if (path.n == 0)
		return true;
	if (memchr(path.p, '\0', path.n) != NULL)
		return false;
	for (i = 0; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		if (i - start <= 2 && memcmp("..", path.p + start, i - start) == 0)
			return false; /* "", "." or ".." */
		start = i + 1;
	}
	return true;
}

bool record_digest_name_ok(struct bytes name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (!(name.p[i] >= 'a' && name.p[i] <= 'z') &&
			!(name.p[i] >= '0' && name.p[i] <= '9') &&
			name.p[i] != '-')
			return false;
	return name.n > 0 && name.n <= RECORD_DIGEST_NAME_MAX;
}

bool record_text_ok(struct bytes text, size_t max)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return text.n > 0 && text.n <= max;
}

/* The whole map at r, which must be one that record_xattrs_encode() writes. */
static void read_xattrs(struct cborr *r, struct bytes *ret)
{
	const uint8_t *start = r->p;
	struct cborr_keys keys = {0};
	struct bytes name = {0}, value = {0};
	size_t sum = 0;

	if (cborr_map(r, RECORD_XATTRS_MAX, &keys) != 0 || keys.left == 0) {
		cborr_fail(r);
		return;
	}
	while (keys.left > 0) {
		cborr_key_bytes(r, &keys, &name);
		if (cborr_bytes(r, RECORD_XATTR_BYTES, &value) != 0)
			return;
		sum += name.n + value.n;
		if (name.n == 0 || name.n > RECORD_XATTR_NAME_MAX ||
			memchr(name.p, '\0', name.n) != NULL ||
			sum > RECORD_XATTR_BYTES) {
			cborr_fail(r);
			return;
		}
	}
	*ret = BYTES(start, (size_t)(r->p - start));
}

int record_xattrs_next(struct bytes map, size_t *at, struct record_xattr *ret)
{
	struct cborr r;
	struct cborr_keys keys;
	struct bytes whole;

	if (*at == map.n)
		return 0;
	cborr_init(&r, map);
	if (*at == 0) {
		read_xattrs(&r, &whole);
		if (cborr_end(&r) != 0)
			return -EBADMSG;
		cborr_init(&r, map);
		cborr_map(&r, RECORD_XATTRS_MAX, &keys);
	} else if (*at > map.n) {
		return -EBADMSG;
	} else {
		r.p += *at; /* behind a pair: order was seen at the start */
	}
	if (cborr_bytes(&r, RECORD_XATTR_NAME_MAX, &ret->name) != 0 ||
		cborr_bytes(&r, RECORD_XATTR_BYTES, &ret->value) != 0)
		return -EBADMSG;
	*at = (size_t)(r.p - map.p);
	return 1;
}

static void read_digests(struct cborr *r, struct record *d)
{
	struct cborr_keys keys = {0};
	struct record_digest *g;

	cborr_map(r, RECORD_DIGESTS_MAX, &keys);
	while (keys.left > 0) {
		g = &d->digest[d->n_digests++];
		cborr_key_text(r, &keys, &g->name);
		if (cborr_bytes(r, RECORD_DIGEST_MAX, &g->value) != 0)
			return;
		if (!record_digest_name_ok(g->name) || g->value.n == 0) {
			cborr_fail(r);
			return;
		}
	}
}

static void read_owner(struct cborr *r, struct record *d)
{
	uint64_t two, uid = 0, gid = 0;

	cborr_array(r, 2, 2, &two);
	cborr_uint_max(r, UINT32_MAX, &uid);
	cborr_uint_max(r, UINT32_MAX, &gid);
	d->has_owner = true;
	d->uid = (uint32_t)uid;
	d->gid = (uint32_t)gid;
}

/* Only true is written: a file that is not unclean does not say so. */
static void read_true(struct cborr *r, bool *ret)
{
	struct bytes item;

	if (cborr_skip(r, &item) != 0)
		return;
	if (!bytes_equal(item, BYTES("\xf5", 1)))
		cborr_fail(r);
	*ret = true;
}

static void read_some(struct cborr *r, size_t max, struct bytes *ret)
{
	if (cborr_bytes(r, max, ret) == 0 && ret->n == 0)
		cborr_fail(r);
}

static void read_text(struct cborr *r, size_t max, struct bytes *ret)
{
	if (cborr_text(r, max, ret) == 0 && !record_text_ok(*ret, max))
		cborr_fail(r);
}

static void read_until(struct cborr *r, struct record *d)
{
	if (cborr_uint_max(r, RECORD_UNTIL_MAX, &d->until) == 0 &&
		d->until == 0)
		cborr_fail(r);
}

/* 1..max; 0 is what is left out. */
static uint64_t read_choice(struct cborr *r, uint64_t max)
{
	uint64_t v = 0;

	if (cborr_uint_max(r, max, &v) == 0 && v == 0)
		cborr_fail(r);
	return v;
}

static void read_preset(struct cborr *r, struct record *d)
{
	if (cborr_text(r, RECORD_PRESET_MAX, &d->preset) == 0 &&
		!record_digest_name_ok(d->preset))
		cborr_fail(r);
}

static void read_growth(struct cborr *r, struct record *d)
{
	uint64_t two;

	cborr_array(r, 2, 2, &two);
	cborr_uint(r, &d->from);
	cborr_hash(r, &d->tail);
}

static void read_renewal(struct cborr *r, struct record *d)
{
	uint64_t three;

	cborr_array(r, 3, 3, &three);
	if (cborr_text(r, RECORD_DIGEST_NAME_MAX, &d->algorithm) == 0 &&
		!record_digest_name_ok(d->algorithm))
		cborr_fail(r);
	read_some(r, RECORD_DIGEST_MAX, &d->file_digest);
	read_some(r, RECORD_DIGEST_MAX, &d->old_certificate);
}

static void read_extension(struct cborr *r, uint64_t key, struct record *d)
{
	switch (key) {
	case RECORD_EXT_TARGET:
		read_some(r, RECORD_PATH_MAX, &d->target);
		break;
	case RECORD_EXT_OWNER:
		read_owner(r, d);
		break;
	case RECORD_EXT_XATTR:
		read_xattrs(r, &d->xattrs);
		break;
	case RECORD_EXT_UNCLEAN:
		read_true(r, &d->unclean);
		break;
	case RECORD_EXT_CLASS:
		d->class = (enum record_class)read_choice(r,
			RECORD_CLASS_APPEND);
		break;
	case RECORD_EXT_PRESET:
		read_preset(r, d);
		break;
	case RECORD_EXT_PREVIOUS:
		cborr_hash(r, &d->previous);
		d->has_previous = true;
		break;
	case RECORD_EXT_CHANGE:
		d->change = (enum record_change)read_choice(r,
			RECORD_REWRITTEN);
		break;
	case RECORD_EXT_GROWTH:
		read_growth(r, d);
		break;
	case RECORD_EXT_ABOUT:
		cborr_hash(r, &d->about);
		d->has_about = true;
		break;
	case RECORD_EXT_UNTIL:
		read_until(r, d);
		break;
	case RECORD_EXT_CASE:
		read_text(r, RECORD_CASE_MAX, &d->hold_case);
		break;
	case RECORD_EXT_REASON:
		read_text(r, RECORD_REASON_MAX, &d->reason);
		break;
	case RECORD_EXT_AUTHORITY:
		read_some(r, RECORD_AUTHORITY_MAX, &d->authority);
		break;
	case RECORD_EXT_RENEWAL:
		read_renewal(r, d);
		break;
	default:
		cborr_fail(r);
	}
}

static void read_extensions(struct cborr *r, struct record *d)
{
	struct cborr_keys keys = {0};
	uint64_t key = 0;

	cborr_map(r, RECORD_EXT_RENEWAL, &keys);
	while (keys.left > 0 && cborr_key_uint(r, &keys, &key) == 0)
		read_extension(r, key, d);
}

static bool target_ok(const struct record *d)
{
	switch (d->kind) {
	case RECORD_SYMLINK:
		return d->target.n > 0 &&
			memchr(d->target.p, '\0', d->target.n) == NULL;
	case RECORD_LINK:
		return d->target.n > 0 && record_path_ok(d->target);
	case RECORD_TOMBSTONE:
		return (d->target.n > 0) == (d->change == RECORD_RENAMED) &&
			record_path_ok(d->target);
	default:
		return d->target.n == 0;
	}
}

/* Of a name that is gone, or of what another record describes, nothing is said
 * that belongs to a file. */
static bool bare(const struct record *d)
{
	return hash_is_zero(&d->root) && d->mode == 0 && d->mtime_ns == 0 &&
		!d->has_owner && d->xattrs.n == 0;
}

/* Extensions 5 to 9: who may have which. */
static bool class_ok(const struct record *d)
{
	bool grown = d->from > 0 || !hash_is_zero(&d->tail);

	if (!record_seals(d->kind) &&
		(d->class != RECORD_CLASS_SEAL || d->has_previous))
		return false;
	if ((d->preset.n > 0 && d->kind != RECORD_MKDIR) ||
		(d->change != RECORD_CHANGE_NONE &&
			d->kind != RECORD_TOMBSTONE))
		return false;
	if (d->kind != RECORD_APPEND)
		return !grown;
	return d->class == RECORD_CLASS_APPEND && d->has_previous &&
		d->from > 0 && d->from < d->size && !hash_is_zero(&d->tail);
}

/* Extensions 10 to 14: who may have which. */
static bool keeping_ok(const struct record *d)
{
	bool with_case = d->hold_case.n > 0;
	bool ordered = d->reason.n > 0 && d->authority.n > 0;

	if (!ordered && (d->reason.n > 0 || d->authority.n > 0))
		return false; /* an order has both */
	if ((d->algorithm.n > 0) != (d->kind == RECORD_RENEWAL))
		return false; /* extension 15 */
	switch (d->kind) {
	case RECORD_PUT:
	case RECORD_APPEND:
	case RECORD_SYMLINK:
		return !d->has_about && !with_case && !ordered;
	case RECORD_TOMBSTONE:
		return d->has_about == (d->change != RECORD_CHANGE_NONE) &&
			d->until == 0 && !with_case && !ordered;
	case RECORD_RETENTION:
		return d->has_about && d->until > 0 && !with_case && !ordered;
	case RECORD_RENEWAL:
		return d->has_about && d->until == 0 && !with_case && !ordered;
	case RECORD_HOLD:
		return d->has_about && d->until == 0 && with_case != ordered;
	case RECORD_DELETION:
		return d->has_about && d->until == 0 && !with_case;
	case RECORD_COMPLIANCE:
		return d->has_about && d->until == 0 && !with_case && ordered;
	default:
		return !d->has_about && d->until == 0 && !with_case &&
			!ordered;
	}
}

/* What the kinds ask for beyond the form of each field. */
static bool consistent(const struct record *d)
{
	bool empty = hash_is_zero(&d->root);

	if (!record_path_ok(d->path) || !target_ok(d) || !class_ok(d) ||
		!keeping_ok(d))
		return false;
	if (d->path.n == 0 ? d->kind != RECORD_MKDIR &&
			d->kind != RECORD_COMPLIANCE :
			d->kind == RECORD_COMPLIANCE)
		return false;
	if (empty && (d->size > 0 || d->n_digests > 0 || d->unclean))
		return false; /* these speak of contents */
	switch (d->kind) {
	case RECORD_PUT:
	case RECORD_APPEND:
		return !empty;
	case RECORD_MKDIR:
	case RECORD_SYMLINK:
		return empty;
	case RECORD_LINK:
		return true;
	case RECORD_TOMBSTONE:
	case RECORD_RETENTION:
	case RECORD_HOLD:
	case RECORD_DELETION:
	case RECORD_COMPLIANCE:
	case RECORD_RENEWAL:
		return bare(d);
	}
	return false; /* a kind unknown */
}

int record_decode(struct bytes in, struct record *ret)
{
	struct record d = {0};
	struct cborr r;
	uint64_t n = 0, version = 0, kind = 0, mode = 0;

	if (in.n > RECORD_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, 10, 10, &n);
	cborr_uint(&r, &version);
	cborr_uint_max(&r, RECORD_RENEWAL, &kind);
	cborr_fixed(&r, d.salt, RECORD_SALT);
	cborr_bytes(&r, RECORD_PATH_MAX, &d.path);
	cborr_uint(&r, &d.size);
	cborr_uint_max(&r, 07777, &mode);
	cborr_int(&r, &d.mtime_ns);
	cborr_hash(&r, &d.root);
	read_digests(&r, &d);
	read_extensions(&r, &d);
	d.kind = (enum record_kind)kind;
	d.mode = (uint32_t)mode;
	if (cborr_end(&r) != 0 || version != RECORD_VERSION || !consistent(&d))
		return -EBADMSG;
	*ret = d;
	return 0;
}

uint64_t record_payload(const struct record *r, struct hash *ret_root)
{
	if (!record_stores(r->kind))
		return 0;
	*ret_root = r->kind == RECORD_APPEND ? r->tail : r->root;
	return r->size - r->from;
}

int64_t record_mtime(const struct timespec *t)
{
	int64_t ns;

	if (__builtin_mul_overflow(t->tv_sec, INT64_C(1000000000), &ns) ||
	    __builtin_add_overflow(ns, t->tv_nsec, &ns))
		return t->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

bool record_ends(const struct record *r)
{
	return record_gone(r->kind) && r->change != RECORD_REPLACED &&
		r->change != RECORD_REWRITTEN;
}

struct bytes record_digest(const struct record *r, const char *name)
{
	struct bytes want = BYTES(name, strlen(name));
	size_t i;

	for (i = 0; i < r->n_digests; i++)
		if (bytes_equal(r->digest[i].name, want))
			return r->digest[i].value;
	return BYTES(NULL, 0);
}

const char *record_kind_name(enum record_kind k)
{
	static const char *const names[] = {
		[RECORD_PUT] = "put",
		[RECORD_MKDIR] = "mkdir",
		[RECORD_SYMLINK] = "symlink",
		[RECORD_LINK] = "link",
		[RECORD_TOMBSTONE] = "tombstone",
		[RECORD_APPEND] = "append",
		[RECORD_RETENTION] = "retention",
		[RECORD_HOLD] = "hold",
		[RECORD_DELETION] = "deletion",
		[RECORD_COMPLIANCE] = "compliance",
		[RECORD_RENEWAL] = "renewal",
	};

	return k <= RECORD_RENEWAL && names[k] != NULL ? names[k] : "unknown";
}
