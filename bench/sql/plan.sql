-- Plan a merge; print the seconds of its step.
SET client_min_messages = warning;
SELECT merge_id
FROM steep_repl.start_merge(:'peer', ARRAY['public.items'], p_dry_run => true) \gset
SELECT FROM steep_repl.wait_merge(:'merge_id');
SELECT extract(epoch FROM s.completed_at - s.started_at)
FROM steep_repl.work_steps s JOIN steep_repl.work_queue q ON q.id = s.job_id
WHERE q.merge_id = :'merge_id' AND s.status = 'complete';
