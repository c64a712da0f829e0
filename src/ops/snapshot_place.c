/*-------------------------------------------------------------------------
 *
 * snapshot_place.c
 *		Where snapshots may be.
 *
 * Beneath steep_repl.snapshot_directory everybody may have them who may call
 * the functions; anywhere else only the roles that may have any file of the
 * server, and there too never among the server's own.  Symbolic links are
 * followed on the way to steep_repl.snapshot_directory and nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/guc.h"
#include "jobs/ledger.h"
#include "ops/snapshot.h"

static const Statement tablespaces = {
	.site = SITE_LOCAL,
	.writes = true,
	.purpose = "list the tablespaces",
	.text = "SELECT l.path\n"
	"FROM pg_catalog.pg_tablespace t, pg_catalog.pg_tablespace_location(t.oid) l(path)\n"
	"WHERE l.path LIKE '/%'",
};

/* List the directories that are the server's. */
static const char *const *
forbidden_directories(void)
{
	List	   *rows = steep_books_rows(&tablespaces, NULL);
	const char **paths = palloc0((list_length(rows) + 3) * sizeof(char *));
	int			n = 0;
	ListCell   *cell;

	paths[n++] = DataDir;
	paths[n++] = psprintf("%s/pg_wal", DataDir);
	foreach(cell, rows)
		paths[n++] = ((char **) lfirst(cell))[0];
	return paths;
}

static void
check_role(const char *path, SnapshotAccess access)
{
	Oid			role = access == SNAPSHOT_WRITE ? ROLE_PG_WRITE_SERVER_FILES :
		ROLE_PG_READ_SERVER_FILES;

	if (access == SNAPSHOT_CLEAN || has_privs_of_role(GetUserId(), role))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for directory \"%s\"", path),
			 errdetail("Outside of steep_repl.snapshot_directory only roles with the privileges of %s may use files.",
					   access == SNAPSHOT_WRITE ? "pg_write_server_files" :
					   "pg_read_server_files"),
			 errhint("Name a directory below steep_repl.snapshot_directory, which \"SHOW steep_repl.snapshot_directory\" shows to superusers.")));
}

/* Find a directory that a user has named, if he may do that with it. */
const DirectoryPlace *
steep_snapshot_place(const char *path, SnapshotAccess access)
{
	DirectoryPlace *place = palloc0(sizeof(DirectoryPlace));
	const char *base = steep_guc_snapshot_directory;
	const char *beneath = NULL;

	if (path == NULL || path[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("path must not be null or empty"),
				 errhint("Name a directory on the server.")));
	if (base != NULL && base[0] != '\0')
		beneath = steep_directory_beneath(base, path);
	if (beneath == NULL)
	{
		if (!is_absolute_path(path))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("path \"%s\" is not absolute", path),
					 errhint("Start it with a slash, or set steep_repl.snapshot_directory.")));
		check_role(path, access);
		base = "/";
		beneath = path + strspn(path, "/");
	}
	place->base = base;
	place->path = beneath;
	place->name = path;
	place->forbidden = forbidden_directories();
	return place;
}

/* Write a place as an absolute path. */
char *
steep_snapshot_path(const DirectoryPlace *place)
{
	size_t		length = strlen(place->base);

	return psprintf("%s%s%s", place->base,
					place->base[length - 1] == '/' ? "" : "/", place->path);
}
