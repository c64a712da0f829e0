\pset footer off
\timing on
\set tables 'ARRAY[\'public.pgbench_branches\', \'public.pgbench_tellers\', \'public.pgbench_accounts\', \'public.pgbench_history\']'

\echo
\echo '== How far apart are they?'
SELECT * FROM steep_repl.analyze_overlap(:'peer', :tables);

\echo '== What would a merge do? Conflicts shall end as this node has them.'
SELECT merge_id FROM steep_repl.start_merge(:'peer', :tables, 'prefer-local', p_dry_run => true) \gset
SELECT status, local_only_count, remote_only_count, match_count, conflict_count, error_message
FROM steep_repl.wait_merge(:'merge_id');
SELECT * FROM steep_repl.merge_summary(:'merge_id');

\echo '== Merge.'
SELECT merge_id FROM steep_repl.start_merge(:'peer', :tables, 'prefer-local') \gset
SELECT status, applied_local, applied_remote, stale, failed, error_message
FROM steep_repl.wait_merge(:'merge_id');

\echo '== Are they the same now?'
SELECT * FROM steep_repl.analyze_overlap(:'peer', :tables);
SELECT steep_repl.assert_in_sync(:'peer', :tables);
