-- The queue of jobs: who may use it, and what its functions write down.
-- Workers are tested in test/t/010_jobs.pl.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;
CREATE ROLE jobs_alice LOGIN;
CREATE ROLE jobs_bob LOGIN;
CREATE ROLE jobs_admin SUPERUSER;
CREATE ROLE jobs_nologin;
GRANT USAGE ON SCHEMA steep_repl TO jobs_alice, jobs_bob;
GRANT EXECUTE ON FUNCTION steep_repl.list_operations, steep_repl.cancel_operation,
	steep_repl.prune_work_queue TO jobs_alice, jobs_bob;

-- nothing is for everybody
SELECT p.oid::regprocedure
FROM pg_proc AS p
WHERE p.pronamespace = 'steep_repl'::regnamespace
	AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0)
ORDER BY p.oid::regprocedure::text;
SELECT c.relname
FROM pg_class AS c
WHERE c.relnamespace = 'steep_repl'::regnamespace AND c.relkind IN ('r', 'S', 'v')
	AND EXISTS (SELECT FROM aclexplode(c.relacl) WHERE grantee = 0)
ORDER BY 1;
SET ROLE jobs_alice;
SELECT * FROM steep_repl.work_queue;
SELECT steep_repl.enqueue_job('x', NULL, NULL, NULL, 10, 'postgres', 1, 1);
SELECT * FROM steep_repl.list_operations();
RESET ROLE;

-- what the columns take
\set VERBOSITY terse
INSERT INTO steep_repl.work_queue (operation, owner, owner_name, status) VALUES ('x', 10, 'x', 'unknown');
INSERT INTO steep_repl.work_queue (operation, owner, owner_name, parallel) VALUES ('x', 10, 'x', 33);
\set VERBOSITY default
SELECT attempt, steep_repl.backoff(attempt) FROM unnest(ARRAY[1, 2, 3, 7, 100]) AS attempt;

-- a job from its submit to its end, by the functions that the workers call,
-- in one transaction, lest workers see it
BEGIN;
SELECT steep_repl.enqueue_job('x', 'm', NULL, '{"a": 1}', 'jobs_alice'::regrole, 'jobs_alice', 2, 3) AS job \gset
UPDATE steep_repl.work_queue SET next_attempt_at = now() + interval '1 hour' WHERE id = :job;
SELECT steep_repl.enqueue_step(:job, 1, 1, 'one', NULL, NULL, 1, false);
SELECT steep_repl.enqueue_step(:job, 1, 2, 'two', 's.t', NULL, 3, false);
SELECT steep_repl.enqueue_step(:job, 2, 1, 'three', NULL, NULL, 4, false);
SELECT count(*) FROM steep_repl.next_pending_job('{}') WHERE id = :job;
SELECT operation, merge_id, params, status, owner_name, attempt, fruitless FROM steep_repl.claim_job(:job, 1);
SELECT count(*) AS "claimed twice" FROM steep_repl.claim_job(:job, 2);
SELECT id AS step, kind, target, attempt FROM steep_repl.claim_step(:job, 0) \gset first_
SELECT id AS step, kind, target, attempt FROM steep_repl.claim_step(:job, 1) \gset second_
SELECT :'first_kind', :'second_kind', :'second_target';
SELECT count(*) AS "of the next stage" FROM steep_repl.claim_step(:job, 2);
SELECT steep_repl.complete_step(:first_step, :first_attempt, 10, 100);
SELECT steep_repl.complete_step(:first_step, :first_attempt, 10, 100) AS "complete twice";

-- a helper that has gone, and an error worth another attempt
SELECT p_exists, p_cancel, p_failed, p_claimable, p_running, p_unfinished, p_weight_total, p_weight_done, p_rows, p_bytes
FROM steep_repl.review_job(:job, '{1}');
SELECT p_claimable, p_running, p_wait_seconds BETWEEN 0 AND 1 AS waits FROM steep_repl.review_job(:job, '{}');
UPDATE steep_repl.work_steps SET next_attempt_at = '-infinity' WHERE job_id = :job;
SELECT attempt FROM steep_repl.claim_step(:job, 0);
SELECT steep_repl.complete_step(:second_step, 1, 0, 0) AS "too late";
SELECT steep_repl.fail_step(:second_step, 2, false, 'pending', '40001', 'm', 'd', 'h', 'c');
UPDATE steep_repl.work_steps SET next_attempt_at = '-infinity' WHERE job_id = :job;
SELECT attempt FROM steep_repl.claim_step(:job, 0);
SELECT steep_repl.fail_step(:second_step, 3, true, 'pending', '40001', 'm', 'd', 'h', 'c');
SELECT p_failed = :second_step AS failed FROM steep_repl.review_job(:job, '{}');
SELECT count(*) AS "after a failure" FROM steep_repl.claim_step(:job, 0);
SELECT * FROM steep_repl.step_error(:second_step);
SELECT steep_repl.finish_job(:job, 'failed', '40001', 'm', 'd', 'h', 'c');
SELECT steep_repl.finish_job(:job, 'complete', NULL, NULL, NULL, NULL, NULL) AS "ended twice";
SELECT kind, status, attempt, rows, bytes FROM steep_repl.work_steps WHERE job_id = :job ORDER BY id;

-- A step that commits on the peer first: while the peer may have committed, it
-- is tried again, also when the job is cancelled or out of attempts.
SAVEPOINT twofold;
CREATE FUNCTION pg_temp.attempt(job bigint, settled boolean, status text, OUT claimed text, OUT became text)
LANGUAGE plpgsql AS $$
DECLARE
	s steep_repl.work_steps;
BEGIN
	UPDATE steep_repl.work_steps SET next_attempt_at = '-infinity' WHERE job_id = job;
	SELECT * INTO s FROM steep_repl.claim_step(job, 0);
	claimed := CASE WHEN s.attempt > s.settle_after THEN 'to settle' WHEN s.id IS NOT NULL THEN 'to do' END;
	became := steep_repl.fail_step(s.id, s.attempt, settled, status, '40001', 'attempt ' || s.attempt, 'd', 'h', 'c');
END $$;
CREATE FUNCTION pg_temp.twofold(attempts int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	job bigint := steep_repl.enqueue_job('x', 'twofold', NULL, NULL, 10, 'y', 1, attempts);
BEGIN
	PERFORM steep_repl.enqueue_step(job, 1, 1, 'one', NULL, NULL, 1, true);
	PERFORM steep_repl.claim_job(job, 1);
	RETURN job;
END $$;
SELECT pg_temp.twofold(2) AS job \gset
SELECT * FROM pg_temp.attempt(:job, true, 'pending');
SELECT steep_repl.has_doubt(:job) AS "in doubt after an attempt that is settled";
SELECT * FROM pg_temp.attempt(:job, false, 'pending');
SELECT steep_repl.has_doubt(:job) AS "in doubt after one that is not", p_cancel, p_failed FROM steep_repl.review_job(:job, '{}');
SELECT * FROM pg_temp.attempt(:job, false, 'pending') UNION ALL
SELECT * FROM pg_temp.attempt(:job, false, 'pending') UNION ALL
SELECT * FROM pg_temp.attempt(:job, false, 'pending');
SELECT p_failed IS NOT NULL AS failed, p_message FROM steep_repl.review_job(:job, '{}'), steep_repl.step_error(p_failed);
SELECT steep_repl.finish_job(:job, 'failed', '40001', 'm', 'd', 'h', 'c'), steep_repl.has_doubt(:job);

SELECT pg_temp.twofold(5) AS job \gset
SELECT * FROM pg_temp.attempt(:job, false, 'pending');
SELECT steep_repl.request_cancel(:job), p_cancel FROM steep_repl.review_job(:job, '{}');
SELECT p_cancel, p_claimable FROM steep_repl.review_job(:job, '{}');
SELECT * FROM pg_temp.attempt(:job, true, 'failed');
SELECT p_cancel FROM steep_repl.review_job(:job, '{}');
SELECT steep_repl.finish_job(:job, 'cancelled', NULL, NULL, NULL, NULL, NULL), steep_repl.has_doubt(:job);

SELECT pg_temp.twofold(5) AS job \gset
SELECT * FROM pg_temp.attempt(:job, false, 'failed');
SELECT * FROM pg_temp.attempt(:job, true, 'failed');
SELECT p_message FROM steep_repl.review_job(:job, '{}'), steep_repl.step_error(p_failed);
SELECT steep_repl.finish_job(:job, 'failed', NULL, NULL, NULL, NULL, NULL);

-- a helper that has gone in its last attempt, and a leader that has
SELECT pg_temp.twofold(1) AS job \gset
SELECT attempt, settle_after FROM steep_repl.claim_step(:job, 0);
SELECT p_failed FROM steep_repl.review_job(:job, '{}');
SELECT id, merge_id FROM steep_repl.give_up_job('{}', '{}');
UPDATE steep_repl.work_steps SET next_attempt_at = '-infinity' WHERE job_id = :job;
SELECT attempt, settle_after FROM steep_repl.claim_step(:job, 0);
UPDATE steep_repl.work_queue SET cancel_requested = true WHERE id = :job;
SELECT p_cancel FROM steep_repl.review_job(:job, '{0}');
SELECT id, merge_id FROM steep_repl.give_up_job('{}', '{}');
SELECT steep_repl.complete_step(s.id, s.attempt, 0, 0) FROM steep_repl.work_steps s WHERE job_id = :job;
SELECT steep_repl.has_doubt(:job), p_cancel FROM steep_repl.review_job(:job, '{}');
ROLLBACK TO twofold;

-- jobs whose workers have gone
INSERT INTO steep_repl.work_queue (operation, owner, owner_name, status, attempt, fruitless, max_attempts, cancel_requested, merge_id)
VALUES ('x', 10, 'x', 'running', 1, 1, 3, false, 'again'), ('x', 10, 'x', 'running', 3, 3, 3, false, 'no more'),
	('x', 10, 'x', 'running', 1, 1, 3, true, 'cancelled'), ('x', 10, 'x', 'running', 1, 1, 3, false, 'live');
SELECT id AS live FROM steep_repl.work_queue WHERE merge_id = 'live' \gset
SELECT merge_id, status, error_message FROM steep_repl.give_up_job(ARRAY[:live], '{}');
SELECT merge_id, status, error_message FROM steep_repl.give_up_job(ARRAY[:live], '{}');
SELECT merge_id FROM steep_repl.give_up_job(ARRAY[:live], '{}');
SELECT steep_repl.recover_jobs(ARRAY[:live], '{}');
UPDATE steep_repl.work_queue SET next_attempt_at = now() + interval '1 hour' WHERE status = 'pending';
SELECT merge_id, status, error_message FROM steep_repl.work_queue WHERE owner_name = 'x' ORDER BY id;

UPDATE steep_repl.work_queue SET status = 'complete' WHERE id = :live;
COMMIT;

-- owners
SELECT steep_repl.owner_problem('jobs_alice'::regrole, 'jobs_alice'),
	steep_repl.owner_problem('jobs_alice'::regrole, 'renamed'),
	steep_repl.owner_problem(1, 'dropped'),
	steep_repl.owner_problem('jobs_nologin'::regrole, 'jobs_nologin');

-- who may cancel and forget what
SELECT role.rolname, owner.rolname AS owner, steep_repl.may_manage(role.oid, owner.oid)
FROM pg_roles AS role, pg_roles AS owner
WHERE role.rolname LIKE 'jobs\_%' AND owner.rolname LIKE 'jobs\_%'
ORDER BY 1, 2;
SELECT steep_repl.cancel_operation('unknown');
SELECT steep_repl.cancel_operation('m') AS "ended already";
SET ROLE jobs_bob;
SELECT steep_repl.cancel_operation('m');
SELECT steep_repl.cancel_operation('again');
SELECT steep_repl.prune_work_queue('0');
SELECT count(*) FROM steep_repl.list_operations();
SET ROLE jobs_alice;
SELECT operation, external_id, status, phase, percent, owner, attempt, error_message FROM steep_repl.list_operations();
SELECT * FROM steep_repl.list_operations('unknown');
RESET ROLE;
SELECT steep_repl.cancel_operation('again');
SELECT external_id, status FROM steep_repl.list_operations('cancelled') ORDER BY id;
SELECT merge_id, phase, overall_percent, error FROM steep_repl.merge_progress('m');
SELECT merge_id, phase, overall_percent FROM steep_repl.merge_progress('live');
SELECT merge_id, phase FROM steep_repl.merge_progress();

-- health, with an error that only who may manage the job sees
GRANT EXECUTE ON FUNCTION steep_repl.health() TO jobs_bob;
SELECT extension_version, pg_version = current_setting('server_version') AS pg_version,
	background_worker_running, shared_memory_available, active_operations, status, last_error
FROM steep_repl.health();
SET ROLE jobs_bob;
SELECT status, active_operations, last_error FROM steep_repl.health();
RESET ROLE;
INSERT INTO steep_repl.merge_markers (merge_id, batch, created_at) VALUES ('gone', 1, '2024-01-01');
SELECT status, last_error FROM steep_repl.health();
DELETE FROM steep_repl.merge_markers WHERE merge_id = 'gone';
SELECT steep_repl.version();

SELECT steep_repl.prune_work_queue('1 hour');
DELETE FROM steep_repl.work_queue;
SELECT count(*) FROM steep_repl.work_steps;
DROP OWNED BY jobs_alice, jobs_bob;
DROP ROLE jobs_alice, jobs_bob, jobs_admin, jobs_nologin;
