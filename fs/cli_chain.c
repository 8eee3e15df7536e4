#include "fs/cli_chain.h"

#include "fs/offline.h"

bool cli_chain(struct cli *c, int argc, char **argv, bool history,
	struct cli_chain *ret)
{
	const struct option names[] = {
		{"anchor", required_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{history ? "history" : NULL, required_argument, NULL, 'y'},
		{0},
	};
	*ret = (struct cli_chain){.json = false};
	for (int opt; (opt = cli_option(c, argc, argv, ":h", names)) != -1;)
		switch (opt) {
		case 'a':
			if (ret->has_anchor) {
				c->exit = cli_usage(c,
					"--anchor is given twice");
				return false;
			}
			ret->has_anchor = true;
			if (offline_anchor(optarg, &ret->anchor) == 0)
				break;
			c->exit = cli_usage(c, "--anchor %s: must be 64 hex "
				"digits or a file that holds them", optarg);
			return false;
		case 'j':
			ret->json = true;
			break;
		case 'y':
			if (ret->history != NULL) {
				c->exit = cli_usage(c,
					"--history is given twice");
				return false;
			}
			ret->history = optarg;
			break;
		default:
			return false;
		}
	return true;
}
