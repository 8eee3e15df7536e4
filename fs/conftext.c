#include "fs/conftext.h"

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/text.h"
#include "fs/timeservice.h"

static const char head[] =
"# notaryfs.conf: read when the vault is mounted; SIGHUP reads the settings\n"
"# again that may change while it is.  See notaryfs.conf(5).\n"
"#\n"
"# Times: 500ms, 10s, 5m, 24h, 7d.  Sizes: 4096, 64K, 1M, 64G.\n"
"\n"
"# Time from the last close, rename or change of a file to its seal; from then\n"
"# on it never changes.  At least 0.5s; tools that write a file and then set\n"
"# its times or rename it need some of it.\n";

static const char middle[] =
"\n"
"# Longest time from the first close to the seal, however often a file is\n"
"# touched again.  Not shorter than settle.\n"
"#settle_max = 1h\n"
"\n"
"# The same as settle, for empty files: many tools make a file first and fill\n"
"# it later.  At least 0.5s.\n"
"#empty_settle = 24h\n"
"\n"
"# What has a temporary name (*.part) is sealed only when it is renamed; status\n"
"# names what was left alone for longer than this, or never.\n"
"#temp_max = 7d\n"
"\n"
"# FILE.cert is the certificate of FILE; it is not listed, or copies, comparisons\n"
"# and deletions would meet it: no, root (only in the root), or yes.\n"
"#cert_suffix = .cert\n"
"#list_certs = no\n"
"\n"
"# Which names are temporary, locks, versions or logs: see notaryfs.conf(5).\n"
"# For the vault, for folders in it, and one of your own.\n"
"#preset = default\n"
"#bind = /backup/* restic\n"
"#rule = mine include default\n"
"#rule = mine scratch *.cache\n"
"\n"
"# auto: sealed files are made immutable (chattr +i) where the file system and\n"
"# our rights allow it.  off: they are only made read-only.  Objects in buckets\n"
"# are made immutable in either case, where they can be.\n"
"#immutable = auto\n"
"\n"
"# Writers wait while more files, or more bytes, than this are sealed and not\n"
"# yet final.  At least 1 and 1M.\n"
"#backlog_files = 100000\n"
"#backlog_bytes = 64G\n"
"\n"
"# The most bytes that all files together may have; more is refused by write\n"
"# (EDQUOT).  At least 1M, or none.\n"
"#quota = none\n"
"\n"
"# Least time between two blocks, 0ms to 1h.\n"
"%s\n"
"\n"
"# How long a file is kept from its seal on at least, and the least and the\n"
"# greatest time from now to a date that is set later: 90d, 7y, or none.\n"
"#retain_default = none\n"
"#retain_min = none\n"
"#retain_max = none\n"
"# For some names alone, in a preset: rule = mine seal,retain=7y,min=1y *.pdf\n"
"\n"
"# Numbers for Prometheus, written anew every 15 s, as the textfile collector\n"
"# of node_exporter reads them.  An absolute path that ends in .prom.\n"
"#metrics_file = /var/lib/prometheus/node-exporter/notaryfs.prom\n"
"\n"
"# Where the timestamp authorities are asked, a line for each, in their order:\n"
"# a URL, or local for this machine's own clock.  A service may move to another\n"
"# URL; which authorities they are never changes.\n";

static const char tail[] =
"\n"
"# Where the shares go, one folder each, in order of share number.  Relative\n"
"# ones start at the vault.  A folder may be moved, to another disk or machine,\n"
"# while the vault is not mounted; the number and the order never change.\n";

/* A service that is asked over the network wants a rest between two blocks. */
static bool remote(const struct inittime *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->tsa[i].url, TIMESERVICE_LOCAL) != 0)
			return true;
	return false;
}

static int add_tsa(struct buf *b, const struct inittime *t)
{
	int err = t->n > 0 ? 0 : text_add(b, "#tsa = %s\n", TIMESERVICE_LOCAL);
	for (size_t i = 0; i < t->n && err == 0; i++)
		err = text_add(b, "tsa = %s\n", t->tsa[i].url);
	return err;
}

int conftext(const struct init_options *o, char *const *bucket,
	struct buf *ret)
{
	cleanup(buf) struct buf b = {0};
	int err = text_add(&b, "%ssettle = %s\n", head, o->settle);
	if (err == 0)
		err = text_add(&b, middle, remote(&o->time) ?
			"block_interval = 1s" : "#block_interval = 10ms");
	if (err == 0)
		err = add_tsa(&b, &o->time);
	if (err == 0)
		err = text_add(&b, "%s", tail);
	for (unsigned i = 0; i < o->n && err == 0; i++)
		err = bucket != NULL ? text_add(&b, "bucket = %s\n", bucket[i])
				     : text_add(&b, "bucket = buckets/%u\n", i);
	if (err != 0)
		return err;
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}
