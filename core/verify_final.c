/*
 * By when a block was final.
 *
 * The upper timestamp says when a block existed, not when it got its number:
 * it may have been stamped, kept back and numbered much later.  But the entry
 * that the number adds to the main log holds r16, which the sequencer drew at
 * that moment and nobody could know before.  So whatever block names a log
 * with this entry was made when the number existed, and the timestamp over
 * that block says by when.  The later block need not be on the main chain: the
 * word of the timestamp service is all that this rests on.
 */
#include <stddef.h>

#include "core/block.h"
#include "core/mlog.h"
#include "core/timestamp.h"
#include "core/verify_impl.h"

static struct hash entry_of(const struct certificate *c,
	const struct sequence *s)
{
	struct hash hb = block_hash(c->b), ht = timestamp_hash(c->t_upper);

	return sequence_log_leaf(s->height, s->k, &hb, &ht, s->r);
}

enum verdict verify_final(const struct params *p, const struct certificate *c,
	const struct sequence *s, struct evidence *e)
{
	const struct certificate_final *f = &c->final;
	struct hash leaf = entry_of(c, s);
	struct timestamp t;
	struct block b;
	enum verdict v;

	if (!c->has_final)
		return V_VALID;
	if (block_decode(f->b, &b) != 0)
		return V_MALFORMED;
	if (!b.has_log || b.log_size <= s->height)
		return V_FINAL_LOG;
	if (mlog_check_inclusion(&leaf, s->height, b.log_size, f->path,
		    f->path_len, &b.log_root) != 0)
		return V_FINAL_PATH;
	v = timestamp_validate(p, f->t_type, f->t, f->b, &t);
	if (v != V_VALID)
		return v == V_NO_MEMORY ? v : V_FINAL_STAMP;
	e->final_ms = t.p_ms;
	e->final = t.signers;
	return V_VALID;
}
