#include "fs/glance.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/cli.h"
#include "fs/status.h"

#define LATE_S 600	/* that long no block takes when all services answer */

const char *glance_word(enum glance_how how)
{
	static const char *const word[] = {
		[GLANCE_OK] = "ok",
		[GLANCE_WORKING] = "working",
		[GLANCE_LOOK] = "look",
	};
	return word[how];
}

static const struct {
	const char *service, *advice;
} advices[] = {
	{"timestamp", "files stay sealed and wait; it is tried again.  If this "
		"lasts, notaryfs check VAULT says what is wrong"},
	{"buckets", "files stay sealed and wait.  Bring back the buckets that "
		"failed: mount their disks, make room on them"},
	{"sequencer", "files stay sealed and wait; it is started again.  If "
		"this lasts, unmount, mount, and read state/notaryfs.log"},
	{"sealing", "files can still be changed.  state/notaryfs.log names "
		"them; make room where the vault lies, if the disk is full"},
};

static bool service_failed(const struct status *s, struct glance *g)
{
	for (size_t i = 0; i < s->n_services; i++) {
		const struct status_row *r = &s->service[i];
		if (r->ok)
			continue;
		snprintf(g->text, sizeof g->text, "%s failed: %s", r->name,
			r->error);
		for (size_t j = 0; j < sizeof advices / sizeof *advices; j++)
			if (strcmp(r->name, advices[j].service) == 0)
				snprintf(g->advice, sizeof g->advice, "%s",
					advices[j].advice);
		return true;
	}
	return false;
}

static bool bucket_failed(const struct status *s, struct glance *g)
{
	const struct status_row *first = NULL;
	char others[32] = "";
	unsigned n = 0;
	for (size_t i = 0; i < s->n_buckets; i++)
		if (!s->bucket[i].ok && n++ == 0)
			first = &s->bucket[i];
	if (n == 0)
		return false;
	if (n > 1)
		snprintf(others, sizeof others, " (and %u more)", n - 1);
	snprintf(g->text, sizeof g->text, "bucket %s failed%s: %s",
		first->name, others, first->error);
	snprintf(g->advice, sizeof g->advice, "%s.  Mount its disk again; it "
		"gets what it lacks.  If the disk is lost, notaryfs repair "
		"fills a new one", s->mount == NULL ? "the vault can be mounted "
		"while no more than one is away" : "writing goes on while no "
		"more than one is away");
	return true;
}

static bool not_mounted(const struct status *s, struct glance *g)
{
	if (s->mount != NULL)
		return false;
	if (s->unclean) {
		snprintf(g->text, sizeof g->text, "not mounted, and the last "
			"mount did not end in an orderly way; %" PRIu64
			" files are final, %" PRIu64 " wait",
			s->files.notarized, s->files.sealed);
		snprintf(g->advice, sizeof g->advice, "mount it again: what "
			"was written and not sealed is settled then: notaryfs "
			"mount %s DIR", s->vault);
		return true;
	}
	g->how = s->files.sealed > 0 ? GLANCE_LOOK : GLANCE_OK;
	snprintf(g->text, sizeof g->text, "not mounted; %" PRIu64 " files are "
		"final, %" PRIu64 " wait", s->files.notarized, s->files.sealed);
	if (s->files.sealed > 0)
		snprintf(g->advice, sizeof g->advice, "they become final while "
			"it is mounted: notaryfs mount %s DIR", s->vault);
	return true;
}

static bool late(const struct status *s, struct glance *g)
{
	if (s->oldest_s < LATE_S)
		return false;
	snprintf(g->text, sizeof g->text, "%" PRIu64 " files wait, the oldest "
		"for %" PRIu64 " min, though every service answers",
		s->backlog_files, s->oldest_s / 60);
	snprintf(g->advice, sizeof g->advice, "a backlog that shrinks needs "
		"time only.  If it does not, read state/notaryfs.log");
	return true;
}

/* Left behind, or somebody believes that it is kept. */
static bool idle(const struct status *s, struct glance *g)
{
	char age[STATUS_AGE];
	if (s->idle_files == 0)
		return false;
	status_age(s->idle_s, age);
	snprintf(g->text, sizeof g->text, "%" PRIu64 " files have a temporary "
		"name that nobody touched for longer than temp_max, the oldest "
		"for %s: these are never sealed", s->idle_files, age);
	snprintf(g->advice, sizeof g->advice, "rename what is to be kept to "
		"another name, remove what a tool left behind; notaryfs wait "
		"%s names all that are temporary", s->mount);
	return true;
}

static void working(const struct status *s, struct glance *g)
{
	uint64_t unsealed = s->files.open + s->files.settling + s->files.frozen;
	char bytes[32], wait[64] = "";
	cli_bytes(s->backlog_bytes, bytes);
	if (s->oldest_s > 0)
		snprintf(wait, sizeof wait, ", the oldest for %" PRIu64 " s",
			s->oldest_s);
	g->how = unsealed + s->backlog_files > 0 ? GLANCE_WORKING : GLANCE_OK;
	if (g->how == GLANCE_OK)
		snprintf(g->text, sizeof g->text, "all %" PRIu64 " files are "
			"final", s->files.notarized);
	else
		snprintf(g->text, sizeof g->text, "%" PRIu64 " files are not "
			"sealed yet, %" PRIu64 " (%s) on their way%s; %" PRIu64
			" are final", unsealed, s->backlog_files, bytes, wait,
			s->files.notarized);
}

void glance(const struct status *s, struct glance *ret)
{
	*ret = (struct glance){.how = GLANCE_LOOK};
	if (!service_failed(s, ret) && !bucket_failed(s, ret) &&
	    !not_mounted(s, ret) && !late(s, ret) &&
	    !idle(s, ret))
		working(s, ret);
}
