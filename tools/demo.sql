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

\echo '== Some of it, row by row.'
SELECT table_name, key, category, resolution, local_row, remote_row
FROM steep_repl.merge_decisions
WHERE merge_id = :'merge_id' AND table_name = 'public.pgbench_branches' ORDER BY seq LIMIT 3;

\echo '== Apply that plan, on both nodes.'
SELECT status FROM steep_repl.apply_merge(:'merge_id');
SELECT status, applied_local, applied_remote, stale, failed, error_message
FROM steep_repl.wait_merge(:'merge_id');

\echo '== Are they the same now?'
SELECT * FROM steep_repl.analyze_overlap(:'peer', :tables);
SELECT steep_repl.assert_in_sync(:'peer', :tables);

\echo '== A merge can be undone: this one carries a mistake to the peer.'
UPDATE pgbench_tellers SET tbalance = 0, filler = 'by mistake' WHERE tid <= 5;
SELECT merge_id FROM steep_repl.start_merge(:'peer', ARRAY['public.pgbench_tellers']) \gset
SELECT status, applied_local, applied_remote FROM steep_repl.wait_merge(:'merge_id');
SELECT merge_id FROM steep_repl.revert_merge(:'merge_id') \gset
SELECT status, applied_local, applied_remote FROM steep_repl.wait_merge(:'merge_id');

\echo '== And mended: the peer still knows.'
SELECT merge_id FROM steep_repl.start_merge(:'peer', ARRAY['public.pgbench_tellers'], 'prefer-remote') \gset
SELECT status, applied_local, applied_remote FROM steep_repl.wait_merge(:'merge_id');
SELECT steep_repl.assert_in_sync(:'peer', :tables);
