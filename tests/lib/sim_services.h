/*
 * sim_services: all that a notary needs, in memory, as strict as the real
 * ones, with faults at will and a clock of their own.
 *
 *   timestamper  signs with the chain's key; remembers nothing
 *   sequencer    numbers a block only if its stamp validates, its parent is
 *                the tail, it commits to the newest document, and the write
 *                quorum of the buckets holds it; the same bytes for a repeat;
 *                what it owes is put first
 *   replica      6 buckets; an object never changes (W3), a payload must be
 *                the contents that its META names, and numbers come in order
 *   content      byte i of the file at a path is a function of both
 *   local        the real one behind a wrapper that can fail
 *
 * Every call to a service and every commit is an event.  At event number
 * fail_at one of four things happens: it fails before or after it took effect,
 * and in the crash kinds everything fails from then on, until sim_reopen().
 */
#ifndef TESTS_LIB_SIM_SERVICES_H
#define TESTS_LIB_SIM_SERVICES_H

#include "core/mlog.h"
#include "core/notary.h"
#include "core/object.h"
#include "core/sequence.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/prng.h"

#define SIM_BUCKETS 6
#define SIM_QUORUM 5
#define SIM_ALL ((UINT32_C(1) << SIM_BUCKETS) - 1)
#define SIM_NUMBERS 512

enum sim_fault {
	SIM_FAIL_BEFORE,
	SIM_FAIL_AFTER,
	SIM_CRASH_BEFORE,
	SIM_CRASH_AFTER,
	SIM_FAULTS
};

struct sim_object {
	char key[OBJECT_KEY_MAX];
	bool whole;
	struct buf data;	/* of a whole object; META of a coded one */
	uint64_t length, sum;	/* of the payload */
	uint32_t buckets;	/* that hold it */
	struct sim_object *next;
};

struct sim_given {
	uint8_t y[SEQUENCE_Y];
	struct buf s, doc;
};

struct sim {
	struct clock clock;
	struct entropy entropy;
	struct timestamper timestamper;
	struct sequencer sequencer;
	struct replica replica;
	struct content_store content;
	struct local local;

	struct mkchain *chain;
	struct prng random;
	uint64_t ms;
	struct local *real;	/* behind local */

	/* faults */
	uint64_t events;	/* so far */
	uint64_t fail_at;	/* 0: none; else from 1 */
	enum sim_fault kind;
	unsigned rate;		/* also one in so many fails, 0: none */
	bool down;		/* crashed */
	uint32_t dead;		/* buckets that do not answer */
	bool content_gone;	/* reads of "large" files fail */

	/* what the services hold */
	struct sim_object *objects;
	unsigned bucket_calls[SIM_BUCKETS];
	uint64_t next_k, height;
	uint32_t epoch;
	struct hash tail, head;
	struct mlog log;
	struct sim_given given[SIM_NUMBERS];	/* by k */
	struct buf doc;
	bool doc_due;		/* goes with the next number */
	const char *wrong;	/* first rule that was broken, NULL: none */
};

/* chain is shared and not changed; real is taken over. */
void sim_init(struct sim *s, struct mkchain *chain, struct local *real,
	uint64_t seed);
void sim_done(struct sim *s);
struct notary_services sim_as_services(struct sim *s);

/* The enclave died: a new document, and a recovery number that stands in
 * local and is owed to the buckets. */
void sim_recover(struct sim *s);
struct sim_object *sim_object(struct sim *s, const char *key);
uint8_t sim_byte(struct bytes path, uint64_t off);
/* Sum of n bytes of the file at path, from off; added to sum. */
uint64_t sim_sum(struct bytes path, uint64_t off, uint64_t n, uint64_t sum);

#endif
