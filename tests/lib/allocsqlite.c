#include "tests/lib/allocsqlite.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "tests/tap/tap.h"

static void *db_malloc(int n)
{
	return malloc((size_t)n);
}

static void *db_realloc(void *p, int n)
{
	return realloc(p, (size_t)n);
}

static int db_size(void *p)
{
	return (int)malloc_usable_size(p);
}

static int db_roundup(int n)
{
	return (n + 7) & ~7;
}

static int db_init(void *unused)
{
	(void)unused;
	return SQLITE_OK;
}

static void db_shutdown(void *unused)
{
	(void)unused;
}

static const sqlite3_mem_methods db_memory = {db_malloc, free, db_realloc,
	db_size, db_roundup, db_init, db_shutdown, NULL};

void allocsqlite(void)
{
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &db_memory) != SQLITE_OK)
		bail("SQLite takes no memory from here");
}
