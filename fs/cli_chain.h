/*
 * cli_chain: what commands that read a chain from buckets take: --anchor,
 * --json and --help.
 */
#ifndef FS_CLI_CHAIN_H
#define FS_CLI_CHAIN_H

#include "core/bytes.h"
#include "fs/cli.h"

struct cli_chain {
	bool json, has_anchor;
	struct hash anchor;	/* with has_anchor */
	const char *history;	/* NULL: not named */
};

/* Operands stand at optind then.  history: the command takes --history DIR as
 * well.  False: the command must end with c->exit, for --help was printed, or
 * something was complained about. */
bool cli_chain(struct cli *c, int argc, char **argv, bool history,
	struct cli_chain *ret);

#endif
