#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "fs/assembly.h"
#include "fs/check.h"
#include "fs/cli.h"
#include "fs/vault.h"

static const char help[] =
"usage: notaryfs check VAULT [--json]\n"
"Tries everything that a vault needs, end to end, and says what to do about what\n"
"does not work: configuration, FUSE, room, clock, timestamps, sequencer, whether\n"
"sealed files become immutable, and whether each bucket takes objects and refuses\n"
"to let them be overwritten.\n"
"The vault may be mounted; it is not changed.  In each bucket an object of one\n"
"line, called check, stays behind.\n"
"\n"
"  --json      print it as JSON\n"
"  -h, --help  print this\n"
"\n"
"Exit code 0: all works (there may be warnings); 1: something does not; 2:\n"
"something could not be tried.\n";

static int exit_code(const struct check *c)
{
	int r = CLI_DONE;
	for (size_t i = 0; i < c->n; i++) {
		if (c->row[i].how == CHECK_FAILED)
			return CLI_REFUSED;
		if (c->row[i].how == CHECK_UNKNOWN)
			r = CLI_INCOMPLETE;
	}
	return r;
}

static void print_text(const struct check *c)
{
	for (size_t i = 0; i < c->n; i++)
		printf("%-8s %s: %s\n", check_word(c->row[i].how),
			c->row[i].name, c->row[i].text);
}

static int print_json(const struct check *c, int r)
{
	struct json j = {0};
	cleanup(buf) struct buf text = {0};
	json_object(&j, NULL);
	json_bool(&j, "ok", r == CLI_DONE);
	json_array(&j, "checks");
	for (size_t i = 0; i < c->n; i++) {
		json_object(&j, NULL);
		json_text(&j, "name", c->row[i].name);
		json_text(&j, "result", check_word(c->row[i].how));
		json_text(&j, "text", c->row[i].text);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_close_object(&j);
	if (json_end(&j, &text) != 0)
		return CLI_REFUSED;
	printf("%.*s\n", (int)text.n, (const char *)text.p);
	return r;
}

int cmd_check(const struct assembly *a, int argc, char **argv)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct cli c = {.name = "check", .help = help};
	struct vault *v;
	char *why;
	bool json = false;
	for (int opt; (opt = cli_option(&c, argc, argv, ":h", names)) != -1;) {
		if (opt == '?')
			return c.exit;
		json = true;
	}
	if (optind + 1 != argc)
		return cli_usage(&c, "name one vault");
	if (vault_open(argv[optind], &v, &why) != 0) {
		cli_say_lines(&c, why);
		return CLI_REFUSED;
	}
	cleanup(free) struct check *checks = calloc(1, sizeof *checks);
	if (checks == NULL) {
		vault_close(v);
		return CLI_REFUSED;
	}
	check_vault(a, v, checks);
	vault_close(v);
	int r = exit_code(checks);
	if (json)
		r = print_json(checks, r);
	else
		print_text(checks);
	return fflush(stdout) == 0 ? r : CLI_REFUSED;
}
