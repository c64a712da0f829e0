/*-------------------------------------------------------------------------
 *
 * client.h
 *		Snapshots on the disk of this program.
 *
 * They are what the server writes and applies, file by file, but take no more
 * than SELECT or INSERT: rows come and go by COPY over this program's own
 * connections.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CLIENT_H
#define STEEP_REPL_CLIENT_H

#include "cli/command.h"
#include "cli/query.h"
#include "files/copydigest.h"
#include "files/manifest.h"

/* A table that is written. */
typedef struct ClientTable
{
	const char *relid;
	const char *shown;			/* qualified and quoted */
	const char *select;			/* the query that reads its rows */
	long long	blocks;			/* 0: can't be cut */
	long long	bytes;
	ManifestTable described;	/* names, columns and fingerprint */
	ManifestColumn *columns;	/* the same columns */
} ClientTable;

typedef struct ClientTables
{
	ClientTable *tables;
	int			count;
	const char *relids;			/* of these, as an array */
	const char *asked;			/* for; as an array, or NULL: all */
} ClientTables;

/* client.c */
extern void steep_client_check(bool ok, const Failure *failure);
extern void steep_client_connect(Session *session);
extern void steep_client_pin(Session *session);
extern void steep_client_run(Session *session, const char *statement);
extern const char *steep_client_value(Session *session, const char *statement,
									  int count, const char *const *values);
extern DirectoryPlace steep_client_place(const char *path);
extern int	steep_client_parallel(const Arguments *arguments);
extern void steep_client_end_early(const Session *session, ExitCode code)
			__attribute__((noreturn));
extern long long steep_client_number(const PGresult *rows, int row, int column);

/* client_tables.c */
extern const char *steep_client_resolve(Session *session,
										const Arguments *arguments);
extern ClientTables steep_client_tables(Session *session, const char *asked);
extern bool steep_client_same_tables(const ClientTables *a,
									 const ClientTables *b);

/* client_facts.c */
extern void steep_client_schema(Session *session, Directory *directory,
								const ClientTables *tables,
								Manifest *manifest);
extern void steep_client_facts(Session *session, const ClientTables *tables,
							   Manifest *manifest);

/* client_copy.c */
extern void steep_client_read_rows(Session *session, const char *query,
								   const char *encoding, StreamWriter *writer,
								   CopyTotals *totals);
extern uint64_t steep_client_load_rows(Session *session, const char *statement,
									   StreamReader *reader);

/* client_script.c */
extern void steep_client_run_script(Session *session, Directory *directory,
									FileKind kind, const Manifest *manifest);

#endif							/* STEEP_REPL_CLIENT_H */
