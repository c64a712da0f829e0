/*-------------------------------------------------------------------------
 *
 * report.h
 *		Show jobs and their progress to SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_REPORT_H
#define STEEP_REPL_REPORT_H

#include "fmgr.h"

#include "base/statement.h"

/*
 * Columns of merge_progress() and its kin: "id" is the column of work_queue
 * that holds the operation's own id.  $1 is the caller, $2 the id wanted, or
 * null for all that have not ended.
 */
#define STEEP_PROGRESS_QUERY(id) \
	"SELECT q." id ", coalesce(s.phase, CASE q.status WHEN 'pending' THEN 'queued' ELSE q.status END)," \
	" coalesce(s.percent, CASE WHEN q.status = 'complete' THEN 100 ELSE 0 END)," \
	" coalesce(s.tables_completed, t.done), coalesce(s.tables_total, t.total), s.current_table, coalesce(s.bytes, d.bytes), s.eta_seconds," \
	" CASE WHEN NOT r.own THEN 'SQLSTATE ' || q.error_sqlstate" \
	" ELSE coalesce(q.error_message, s.error) END" \
	" FROM (SELECT DISTINCT ON (" id ") * FROM steep_repl.work_queue" \
	"   WHERE " id " IS NOT NULL AND (" id " = $2 OR ($2 IS NULL AND status IN ('pending', 'running')))" \
	"   ORDER BY " id ", id DESC) AS q" \
	" LEFT JOIN slots AS s ON s.job = q.id AND q.status = 'running'" \
	" CROSS JOIN LATERAL (SELECT pg_has_role($1, q.owner, 'USAGE') OR steep_repl.is_admin($1) AS own) AS r" \
	" LEFT JOIN LATERAL (SELECT (count(*) FILTER (WHERE NOT EXISTS" \
	"     (SELECT FROM steep_repl.snapshot_chunks AS c" \
	"      WHERE c.snapshot_id = k.snapshot_id AND c.number = k.number AND NOT c.done)))::int," \
	"     count(*)::int FROM steep_repl.snapshot_tables AS k WHERE k.snapshot_id = q.snapshot_id)" \
	"   AS t(done, total) ON q.snapshot_id IS NOT NULL AND q.status <> 'pending'" \
	" CROSS JOIN LATERAL (SELECT coalesce(sum(w.bytes), 0)::bigint AS bytes" \
	"   FROM steep_repl.work_steps AS w WHERE w.job_id = q.id AND w.status = 'complete') AS d" \
	" WHERE r.own OR pg_has_role($1, 'pg_monitor', 'USAGE')" \
	" ORDER BY q.id"

extern Datum steep_report_return(FunctionCallInfo fcinfo,
								 const Statement *statement,
								 const char *const *values);

#endif							/* STEEP_REPL_REPORT_H */
