-- Merge; print the seconds of each phase, then the status and the rows.
SET client_min_messages = warning;
SELECT merge_id
FROM steep_repl.start_merge(:'peer', ARRAY['public.items'], :'strategy') \gset
SELECT FROM steep_repl.wait_merge(:'merge_id');

SELECT CASE WHEN s.kind IN ('replan', 'again', 'split', 'sequences') THEN 'other' ELSE s.kind END, sum(extract(epoch FROM s.completed_at - s.started_at))
FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id
WHERE q.merge_id = :'merge_id' GROUP BY 1;

SELECT status, local_only_count + remote_only_count + conflict_count, error_message
FROM steep_repl.merge_audit_log WHERE merge_id = :'merge_id';
