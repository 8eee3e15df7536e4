#include <errno.h>

#include "fs/settle.h"
#include "tests/tap/tap.h"

static struct settle s = {.settle_ms = 10, .settle_max_ms = 100,
	.empty_ms = 1000};

static struct item fresh(enum item_kind kind)
{
	is_int(settle_reserve(&s), 0, "room for one more");
	return (struct item){.kind = kind};
}

static size_t take(uint64_t now)
{
	struct item *i[8];

	return settle_take(&s, now, i, 8);
}

static void a_file(void)
{
	struct item f = fresh(ITEM_FILE);

	settle_join(&s, &f, CLASS_SEAL, 0);
	settle_open(&s, &f, false);
	is_int(f.state, ST_OPEN, "a writer: open");
	is_int(settle_next(&s, 0) == UINT64_MAX, 1, "no timer runs");
	is_int(settle_ask(&s, &f, 0), -EBUSY, "sealing it now is refused");
	settle_close(&s, &f, false, 50);
	is_int(f.state, ST_SETTLING, "closed: settling");
	is_int(settle_next(&s, 50), 10, "due after the settle time");
	is_int(settle_may_write(&f), 0, "may be written");
	settle_change(&s, &f);
	is_int(take(60), 0, "not taken in the middle of a change");
	settle_changed(&s, &f, 60);
	is_int(settle_next(&s, 60), 10, "which starts the timer again");
	is_int(take(69), 0, "not yet");
	is_int(take(70), 1, "now");
	is_int(f.state, ST_SEALING, "taken");
	is_int(settle_may_change(&f), -EPERM, "nothing may change");
	is_int(settle_ask(&s, &f, 70), 0, "asked for meanwhile");
	settle_failed(&s, &f, 70, 20);
	ok(f.asked, "which outlives a failure");
	is_int(f.state, ST_SETTLING, "failed: settling again");
	is_int(take(89), 0, "tried again later");
	is_int(take(90), 1, "but it is");
	settle_sealed(&s, &f);
	is_int(f.state, ST_SEALED, "sealed");
	ok(!f.asked, "as was asked for");
	is_int(settle_ask(&s, &f, 90), 0, "sealing it again is no error");
	ok(!f.listed && s.n == 0, "at rest: in no list and no heap");
	settle_release(&s, &f);
}

static void settle_max(void)
{
	struct item f = fresh(ITEM_FILE);
	uint64_t now;

	settle_join(&s, &f, CLASS_SEAL, 0);
	for (now = 5; now < 100; now += 5) {
		settle_change(&s, &f);
		settle_changed(&s, &f, now);
		if (take(now) != 0)
			break;
	}
	is_int(now, 100, "endless touching holds the seal off");
	is_int(take(100), 1, "but not beyond settle_max");
	settle_gone(&s, &f);
	settle_release(&s, &f);
}

static void freezing(void)
{
	struct item f = fresh(ITEM_FILE);

	settle_join(&s, &f, CLASS_SEAL, 0);
	f.empty = true;
	settle_chmod(&s, &f, false);
	is_int(f.state, ST_SETTLING, "an empty file does not freeze");
	settle_renamed(&s, &f, CLASS_SEAL, 0);
	is_int(settle_next(&s, 0), 1000, "and has a time of its own");
	settle_open(&s, &f, false);
	settle_chmod(&s, &f, false);
	is_int(f.state, ST_OPEN, "with a writer chmod a-w only marks it");
	f.empty = false;
	settle_close(&s, &f, false, 1);
	is_int(f.state, ST_FROZEN, "frozen at the last close");
	is_int(settle_may_write(&f), -EPERM, "no more writing");
	is_int(settle_may_change(&f), 0, "name and attributes are free");
	settle_chmod(&s, &f, true);
	is_int(f.state, ST_FROZEN, "there is no way back");
	settle_renamed(&s, &f, CLASS_TEMP, 2);
	is_int(f.state, ST_TEMP, "but under a temp name it waits");
	is_int(take(10000), 0, "for ever");
	is_int(settle_ask(&s, &f, 2), -EINVAL, "and is not sealed on demand");
	settle_renamed(&s, &f, CLASS_SEAL, 20000);
	is_int(f.state, ST_FROZEN, "renamed: frozen as before");
	is_int(settle_next(&s, 20000), 10, "with a whole window");
	settle_gone(&s, &f);
	is_int(f.state, ST_NONE, "unlinked: forgotten");
	settle_release(&s, &f);
}

static void folders(void)
{
	struct item d = fresh(ITEM_FOLDER);

	settle_folder(&s, &d, 0);
	ok(settle_owed(&d), "a changed folder owes a record");
	is_int(settle_ask(&s, &d, 5), 0, "asked for, it is due at once");
	is_int(take(5), 1, "and is taken");
	settle_failed(&s, &d, 5, 1);
	settle_folder(&s, &d, 0);
	is_int(take(10), 1, "when it has been quiet");
	ok(settle_owed(&d), "also while that is made");
	settle_folder(&s, &d, 11);
	settle_sealed(&s, &d);
	ok(settle_owed(&d), "one more if it changed meanwhile");
	is_int(take(21), 1, "in its time");
	settle_sealed(&s, &d);
	ok(!settle_owed(&d) && !d.listed, "then it is at rest");
	settle_release(&s, &d);
}

/* Many items with due times in no order come out in order. */
static void empty_log(void)
{
	struct item f = fresh(ITEM_FILE);

	f.empty = true;
	settle_join(&s, &f, CLASS_APPEND, 0);
	is_int(settle_ask(&s, &f, 0), 0, "an empty log can be sealed");
	is_int(f.class, CLASS_VERSION, "as a version");
	settle_cancel(&s, &f);
	is_int(f.class, CLASS_APPEND, "and is a log again if it is not");
	is_int(take(1000), 1, "it is due like any empty file");
	is_int(f.class, CLASS_VERSION, "and taken as a version");
	settle_failed(&s, &f, 1000, 10);
	is_int(f.class, CLASS_APPEND, "not if that failed");
	is_int(take(1010), 1, "it is taken again");
	settle_sealed(&s, &f);
	is_int(f.state, ST_SEALED, "sealed");
	settle_unseal(&s, &f, CLASS_APPEND, 2000);
	settle_open(&s, &f, true);
	settle_grow(&s, &f, 2000, false);
	is_int(take(2010), 1, "something in it is taken beside a writer");
	is_int(f.class, CLASS_APPEND, "as a log");
	settle_sealed(&s, &f);
	settle_close(&s, &f, true, 2010);
	settle_gone(&s, &f);
	settle_release(&s, &f);
}

static void order(void)
{
	static struct item many[500], *got[1];
	uint64_t last = 0, now;
	unsigned i, bad = 0, n = 0;

	for (i = 0; i < 500; i++) {
		settle_reserve(&s);
		many[i].kind = ITEM_FILE;
		settle_join(&s, &many[i], CLASS_SEAL, (i * 7919u) % 1000u);
	}
	for (i = 0; i < 500; i += 7)
		settle_gone(&s, &many[i]);
	for (now = 0; now < 2000; now++) {
		while (settle_take(&s, now, got, 1) == 1) {
			bad += got[0]->due_ms < last || got[0]->due_ms != now;
			last = got[0]->due_ms;
			n++;
			settle_sealed(&s, got[0]);
		}
	}
	is_int(bad, 0, "each is taken exactly when it is due");
	is_int(n, 428, "and none that was unlinked");
	is_int(s.count[ST_SETTLING], 0, "counts go back to nothing");
	for (i = 0; i < 500; i++)
		settle_release(&s, &many[i]);
}

int main(void)
{
	plan(0);
	a_file();
	settle_max();
	freezing();
	folders();
	empty_log();
	order();
	is_int(s.n_items, 0, "every item was given back");
	settle_done(&s);
	return done();
}
