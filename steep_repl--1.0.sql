/* steep_repl 1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION steep_repl CASCADE" to load this file. \quit

CREATE SCHEMA steep_repl;
COMMENT ON SCHEMA steep_repl IS 'compare, merge and copy PostgreSQL nodes';

----------------------------------------------------------------------------
-- Types and tables
----------------------------------------------------------------------------

CREATE TABLE steep_repl.work_queue (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	operation text NOT NULL CHECK (length(operation) BETWEEN 1 AND 63),
	snapshot_id text,
	merge_id text,
	params jsonb NOT NULL DEFAULT '{}',
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'running', 'complete', 'failed', 'cancelled')),
	owner oid NOT NULL,
	owner_name text NOT NULL,
	parallel int NOT NULL DEFAULT 1 CHECK (parallel BETWEEN 1 AND 32),
	attempt int NOT NULL DEFAULT 0,
	fruitless int NOT NULL DEFAULT 0,
	max_attempts int NOT NULL DEFAULT 5 CHECK (max_attempts > 0),
	next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
	worker_pid int,
	cancel_requested boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	completed_at timestamptz,
	error_sqlstate text,
	error_message text,
	error_detail text,
	error_hint text,
	error_context text
);
CREATE INDEX work_queue_pending ON steep_repl.work_queue (created_at)
	WHERE status = 'pending';
CREATE INDEX work_queue_running ON steep_repl.work_queue (id)
	WHERE status = 'running';
CREATE INDEX work_queue_merge ON steep_repl.work_queue (merge_id);
CREATE INDEX work_queue_snapshot ON steep_repl.work_queue (snapshot_id);
COMMENT ON TABLE steep_repl.work_queue IS 'jobs: one row each long operation, from its submit on';
COMMENT ON COLUMN steep_repl.work_queue.owner IS 'role that submitted the job and that it runs as';
COMMENT ON COLUMN steep_repl.work_queue.owner_name IS 'name of that role at submit; both must still fit';
COMMENT ON COLUMN steep_repl.work_queue.attempt IS 'how often the job was started';
COMMENT ON COLUMN steep_repl.work_queue.fruitless IS 'starts since a step last completed; at max_attempts the job fails';

CREATE TABLE steep_repl.work_steps (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	job_id bigint NOT NULL REFERENCES steep_repl.work_queue ON DELETE CASCADE,
	stage int NOT NULL,
	seq int NOT NULL,
	kind text NOT NULL,
	target text,
	params jsonb NOT NULL DEFAULT '{}',
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'running', 'complete', 'failed', 'cancelled')),
	attempt int NOT NULL DEFAULT 0,
	next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
	helper int,
	weight bigint NOT NULL DEFAULT 1 CHECK (weight > 0),
	rows bigint NOT NULL DEFAULT 0,
	bytes bigint NOT NULL DEFAULT 0,
	started_at timestamptz,
	completed_at timestamptz,
	error_sqlstate text,
	error_message text,
	error_detail text,
	error_hint text,
	error_context text
);
CREATE INDEX work_steps_job ON steep_repl.work_steps (job_id, stage, seq);
CREATE INDEX work_steps_unfinished ON steep_repl.work_steps (job_id, stage, seq)
	WHERE status IN ('pending', 'running', 'failed');
COMMENT ON TABLE steep_repl.work_steps IS 'steps of jobs: one row each transaction that a job consists of';
COMMENT ON COLUMN steep_repl.work_steps.helper IS 'number of the worker that runs the step, within its job';
COMMENT ON COLUMN steep_repl.work_steps.weight IS 'share of the step in the progress of its job, in rows or bytes';

----------------------------------------------------------------------------
-- Digests
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Overlap
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Jobs
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.is_admin(p_role oid)
RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT pg_has_role(p_role, relowner, 'USAGE')
	FROM pg_catalog.pg_class
	WHERE oid = 'steep_repl.work_queue'::regclass;
END;
COMMENT ON FUNCTION steep_repl.is_admin(oid)
	IS 'internal: is the role a superuser, or a member of the extension''s owner?';

CREATE FUNCTION steep_repl.may_manage(p_role oid, p_owner oid)
RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE
		WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE oid = p_owner)
			THEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE oid = p_role)
		ELSE steep_repl.is_admin(p_role) OR pg_has_role(p_role, p_owner, 'USAGE')
	END;
END;
COMMENT ON FUNCTION steep_repl.may_manage(oid, oid)
	IS 'internal: may a role cancel and forget a job of this owner?';

CREATE FUNCTION steep_repl.backoff(p_attempt int)
RETURNS interval
LANGUAGE sql IMMUTABLE
RETURN make_interval(secs => least(60, 2 ^ (least(p_attempt, 10) - 1)));
COMMENT ON FUNCTION steep_repl.backoff(int)
	IS 'how long to wait before the attempt after this one';

CREATE FUNCTION steep_repl.enqueue_job(
	p_operation text, p_merge_id text, p_snapshot_id text, p_params jsonb,
	p_owner oid, p_owner_name text, p_parallel int, p_max_attempts int)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.work_queue
		(operation, merge_id, snapshot_id, params, owner, owner_name, parallel, max_attempts)
	VALUES (p_operation, p_merge_id, p_snapshot_id, coalesce(p_params, '{}'),
			p_owner, p_owner_name, p_parallel, p_max_attempts)
	RETURNING id;
END;
COMMENT ON FUNCTION steep_repl.enqueue_job(text, text, text, jsonb, oid, text, int, int)
	IS 'internal: add a job to the queue';

CREATE FUNCTION steep_repl.enqueue_step(
	p_job bigint, p_stage int, p_seq int, p_kind text, p_target text, p_params jsonb, p_weight bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.work_steps (job_id, stage, seq, kind, target, params, weight)
	VALUES (p_job, p_stage, p_seq, p_kind, p_target, coalesce(p_params, '{}'), p_weight);
END;
COMMENT ON FUNCTION steep_repl.enqueue_step(bigint, int, int, text, text, jsonb, bigint)
	IS 'internal: add a step to a job';

CREATE FUNCTION steep_repl.has_pending_jobs(p_count bigint)
RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT count(*) >= p_count
	FROM (SELECT FROM steep_repl.work_queue WHERE status = 'pending' LIMIT p_count) AS pending;
END;
COMMENT ON FUNCTION steep_repl.has_pending_jobs(bigint)
	IS 'internal: do as many jobs wait already?';

CREATE FUNCTION steep_repl.give_up_job(p_live bigint[], p_lost bigint[])
RETURNS SETOF steep_repl.work_queue
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_queue AS q
	SET status = CASE WHEN q.cancel_requested THEN 'cancelled' ELSE 'failed' END,
		completed_at = clock_timestamp(), worker_pid = NULL,
		error_sqlstate = coalesce(q.error_sqlstate, '58000'),
		error_message = CASE WHEN NOT q.cancel_requested THEN
			format('gave up after %s attempts, in which the workers ended without a result', q.max_attempts) END,
		error_detail = q.error_message,
		error_hint = CASE WHEN NOT q.cancel_requested THEN 'The server log says why the workers ended.' END
	WHERE q.id = (
			SELECT o.id
			FROM steep_repl.work_queue AS o
			WHERE o.id <> ALL (p_live)
				AND (o.status = 'running' OR (o.status = 'pending' AND o.id = ANY (p_lost)))
				AND (o.cancel_requested OR o.fruitless + (o.status = 'pending')::int >= o.max_attempts)
			ORDER BY o.id
			LIMIT 1)
		AND q.status IN ('running', 'pending')
	RETURNING *;
END;
COMMENT ON FUNCTION steep_repl.give_up_job(bigint[], bigint[])
	IS 'internal: end one job whose workers have gone and that is not to be tried again';

CREATE FUNCTION steep_repl.recover_jobs(p_live bigint[], p_lost bigint[])
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps AS s
	SET status = CASE WHEN q.status IN ('pending', 'running') THEN 'pending' ELSE 'cancelled' END,
		helper = NULL
	FROM steep_repl.work_queue AS q
	WHERE q.id = s.job_id AND q.id <> ALL (p_live)
		AND (s.status = 'running' OR (s.status = 'pending' AND q.status NOT IN ('pending', 'running')));
	WITH recovered AS (
		UPDATE steep_repl.work_queue
		SET status = 'pending', worker_pid = NULL,
			fruitless = fruitless + (status = 'pending')::int,
			next_attempt_at = clock_timestamp() + steep_repl.backoff(fruitless)
		WHERE id <> ALL (p_live)
			AND (status = 'running' OR (status = 'pending' AND id = ANY (p_lost)))
		RETURNING id)
	SELECT count(*) FROM recovered;
END;
COMMENT ON FUNCTION steep_repl.recover_jobs(bigint[], bigint[])
	IS 'internal: return the jobs whose workers have gone to the queue';

CREATE FUNCTION steep_repl.next_pending_job(p_skip bigint[])
RETURNS SETOF steep_repl.work_queue
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT *
	FROM steep_repl.work_queue
	WHERE status = 'pending' AND next_attempt_at <= clock_timestamp() AND id <> ALL (p_skip)
	ORDER BY created_at, id
	LIMIT 1;
END;
COMMENT ON FUNCTION steep_repl.next_pending_job(bigint[])
	IS 'internal: the job that is to start next';

CREATE FUNCTION steep_repl.queue_outlook(OUT p_any boolean, OUT p_next_seconds float8)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM steep_repl.work_queue),
		(SELECT min(extract(epoch FROM next_attempt_at - clock_timestamp()))::float8
		 FROM steep_repl.work_queue
		 WHERE status = 'pending' AND next_attempt_at > clock_timestamp());
END;
COMMENT ON FUNCTION steep_repl.queue_outlook()
	IS 'internal: was there ever a job, and when is the next one due?';

CREATE FUNCTION steep_repl.owner_problem(p_owner oid, p_owner_name text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE
		WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE oid = p_owner AND rolname = p_owner_name)
			THEN format('role "%s" does not exist any more', p_owner_name)
		WHEN NOT (SELECT rolcanlogin FROM pg_catalog.pg_roles WHERE oid = p_owner)
			THEN format('role "%s" is not permitted to log in', p_owner_name)
		WHEN NOT has_database_privilege(p_owner, current_database(), 'CONNECT')
			THEN format('role "%s" may not connect to database "%s"', p_owner_name, current_database())
	END;
END;
COMMENT ON FUNCTION steep_repl.owner_problem(oid, text)
	IS 'internal: why a job can not run as the role that submitted it, or null';

CREATE FUNCTION steep_repl.claim_job(p_id bigint, p_pid int)
RETURNS SETOF steep_repl.work_queue
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_queue
	SET status = 'running', attempt = attempt + 1, fruitless = fruitless + 1,
		worker_pid = p_pid, started_at = coalesce(started_at, clock_timestamp())
	WHERE id = p_id AND status = 'pending'
	RETURNING *;
END;
COMMENT ON FUNCTION steep_repl.claim_job(bigint, int)
	IS 'internal: mark a pending job running';

CREATE FUNCTION steep_repl.running_job(p_id bigint)
RETURNS SETOF steep_repl.work_queue
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT * FROM steep_repl.work_queue WHERE id = p_id AND status = 'running';
END;
COMMENT ON FUNCTION steep_repl.running_job(bigint)
	IS 'internal: a job that is running';

CREATE FUNCTION steep_repl.review_job(
	p_id bigint, p_busy int[],
	OUT p_exists boolean, OUT p_cancel boolean, OUT p_failed bigint,
	OUT p_claimable bigint, OUT p_running bigint, OUT p_unfinished bigint, OUT p_wait_seconds float8,
	OUT p_weight_total bigint, OUT p_weight_done bigint, OUT p_rows bigint, OUT p_bytes bigint)
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET status = 'pending', helper = NULL,
		next_attempt_at = clock_timestamp() + steep_repl.backoff(attempt)
	WHERE job_id = p_id AND status = 'running' AND helper <> ALL (p_busy);
	UPDATE steep_repl.work_steps AS s
	SET status = 'failed', completed_at = clock_timestamp(),
		error_sqlstate = coalesce(s.error_sqlstate, '58000'),
		error_message = coalesce(s.error_message,
			format('gave up after %s attempts, in which the worker ended without a result', s.attempt))
	FROM steep_repl.work_queue AS q
	WHERE s.job_id = p_id AND s.status = 'pending' AND q.id = p_id AND s.attempt >= q.max_attempts;
	WITH unfinished AS (
		SELECT s.status, s.next_attempt_at, s.stage = min(s.stage) OVER () AS current
		FROM steep_repl.work_steps AS s
		WHERE s.job_id = p_id AND s.status IN ('pending', 'running', 'failed'))
	SELECT q.id IS NOT NULL, q.cancel_requested,
		(SELECT min(id) FROM steep_repl.work_steps WHERE job_id = p_id AND status = 'failed'),
		count(*) FILTER (WHERE u.status = 'pending' AND u.current AND u.next_attempt_at <= clock_timestamp()),
		count(*) FILTER (WHERE u.status = 'running'),
		count(u.status),
		(min(extract(epoch FROM u.next_attempt_at - clock_timestamp()))
			FILTER (WHERE u.status = 'pending' AND u.current AND u.next_attempt_at > clock_timestamp()))::float8,
		t.weight_total, t.weight_done, t.rows, t.bytes
	FROM (VALUES (p_id)) AS wanted (id)
	LEFT JOIN steep_repl.work_queue AS q ON q.id = wanted.id AND q.status = 'running'
	LEFT JOIN unfinished AS u ON true
	CROSS JOIN (
		SELECT coalesce(sum(weight), 0)::bigint AS weight_total,
			coalesce(sum(weight) FILTER (WHERE status = 'complete'), 0)::bigint AS weight_done,
			coalesce(sum(rows) FILTER (WHERE status = 'complete'), 0)::bigint AS rows,
			coalesce(sum(bytes) FILTER (WHERE status = 'complete'), 0)::bigint AS bytes
		FROM steep_repl.work_steps
		WHERE job_id = p_id) AS t
	GROUP BY q.id, q.cancel_requested, t.weight_total, t.weight_done, t.rows, t.bytes;
END;
COMMENT ON FUNCTION steep_repl.review_job(bigint, int[])
	IS 'internal: take back the steps of workers that have gone, and say how the job stands';

CREATE FUNCTION steep_repl.claim_step(p_job bigint, p_helper int)
RETURNS SETOF steep_repl.work_steps
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET status = 'running', attempt = attempt + 1, helper = p_helper, started_at = clock_timestamp()
	WHERE id = (
		SELECT s.id
		FROM steep_repl.work_steps AS s
		WHERE s.job_id = p_job AND s.status = 'pending' AND s.next_attempt_at <= clock_timestamp()
			AND s.stage = (
				SELECT min(u.stage)
				FROM steep_repl.work_steps AS u
				WHERE u.job_id = p_job AND u.status IN ('pending', 'running', 'failed'))
			AND EXISTS (
				SELECT FROM steep_repl.work_queue AS q
				WHERE q.id = p_job AND q.status = 'running' AND NOT q.cancel_requested)
			AND NOT EXISTS (
				SELECT FROM steep_repl.work_steps AS f WHERE f.job_id = p_job AND f.status = 'failed')
		ORDER BY s.seq, s.id
		LIMIT 1
		FOR UPDATE SKIP LOCKED)
	RETURNING *;
END;
COMMENT ON FUNCTION steep_repl.claim_step(bigint, int)
	IS 'internal: mark the next step of a job running';

CREATE FUNCTION steep_repl.complete_step(p_id bigint, p_attempt int, p_rows bigint, p_bytes bigint)
RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET status = 'complete', rows = p_rows, bytes = p_bytes, helper = NULL,
		completed_at = clock_timestamp(),
		error_sqlstate = NULL, error_message = NULL, error_detail = NULL, error_hint = NULL, error_context = NULL
	WHERE id = p_id AND status = 'running' AND attempt = p_attempt
	RETURNING true;
END;
COMMENT ON FUNCTION steep_repl.complete_step(bigint, int, bigint, bigint)
	IS 'internal: mark a step complete';

CREATE FUNCTION steep_repl.fail_step(
	p_id bigint, p_attempt int, p_status text, p_sqlstate text, p_message text, p_detail text, p_hint text, p_context text)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps AS s
	SET status = CASE WHEN p_status = 'pending' AND s.attempt >= q.max_attempts THEN 'failed' ELSE p_status END,
		helper = NULL, completed_at = CASE WHEN p_status <> 'pending' THEN clock_timestamp() END,
		next_attempt_at = clock_timestamp() + steep_repl.backoff(s.attempt),
		error_sqlstate = p_sqlstate, error_message = p_message, error_detail = p_detail,
		error_hint = p_hint, error_context = p_context
	FROM steep_repl.work_queue AS q
	WHERE s.id = p_id AND s.status = 'running' AND s.attempt = p_attempt AND q.id = s.job_id
	RETURNING s.status;
END;
COMMENT ON FUNCTION steep_repl.fail_step(bigint, int, text, text, text, text, text, text)
	IS 'internal: mark a step failed, or pending again if it is worth another attempt';

CREATE FUNCTION steep_repl.note_fruit(p_job bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_queue SET fruitless = 0 WHERE id = p_job AND fruitless <> 0;
END;
COMMENT ON FUNCTION steep_repl.note_fruit(bigint)
	IS 'internal: a step of the job has completed, so its attempts count anew';

CREATE FUNCTION steep_repl.step_error(
	p_step bigint,
	OUT p_sqlstate text, OUT p_message text, OUT p_detail text, OUT p_hint text, OUT p_context text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT error_sqlstate, error_message, error_detail, error_hint, error_context
	FROM steep_repl.work_steps
	WHERE id = p_step;
END;
COMMENT ON FUNCTION steep_repl.step_error(bigint)
	IS 'internal: why a step failed';

CREATE FUNCTION steep_repl.finish_job(
	p_id bigint, p_status text, p_sqlstate text, p_message text, p_detail text, p_hint text, p_context text)
RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET status = 'cancelled', helper = NULL
	WHERE job_id = p_id AND status IN ('pending', 'running');
	UPDATE steep_repl.work_queue
	SET status = p_status, completed_at = clock_timestamp(), worker_pid = NULL,
		error_sqlstate = p_sqlstate, error_message = p_message, error_detail = p_detail,
		error_hint = p_hint, error_context = p_context
	WHERE id = p_id AND status IN ('pending', 'running')
	RETURNING true;
END;
COMMENT ON FUNCTION steep_repl.finish_job(bigint, text, text, text, text, text, text)
	IS 'internal: mark a job as ended';

CREATE FUNCTION steep_repl.find_job(p_id text, p_skip bigint[])
RETURNS SETOF steep_repl.work_queue
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT *
	FROM steep_repl.work_queue
	WHERE (merge_id = p_id OR snapshot_id = p_id
			OR id = CASE WHEN p_id ~ '^[0-9]{1,18}$' THEN p_id::bigint END)
		AND id <> ALL (p_skip)
	ORDER BY status NOT IN ('pending', 'running'), id DESC
	LIMIT 1;
END;
COMMENT ON FUNCTION steep_repl.find_job(text, bigint[])
	IS 'internal: a job by its number or by the id of its merge or snapshot, unfinished ones first';

CREATE FUNCTION steep_repl.request_cancel(p_id bigint)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_queue
	SET cancel_requested = true
	WHERE id = p_id AND status IN ('pending', 'running')
	RETURNING status;
END;
COMMENT ON FUNCTION steep_repl.request_cancel(bigint)
	IS 'internal: ask for the end of a job; returns its status, or null if it has ended';

CREATE FUNCTION steep_repl.job_status(p_id bigint, OUT p_status text, OUT p_own boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT status, xmin = pg_current_xact_id_if_assigned()::xid
	FROM steep_repl.work_queue
	WHERE id = p_id;
END;
COMMENT ON FUNCTION steep_repl.job_status(bigint)
	IS 'internal: how a job stands, and whether this transaction has just submitted it';

CREATE FUNCTION steep_repl.prune_work_queue(p_older_than interval)
RETURNS bigint
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'steep_repl_prune_work_queue';
COMMENT ON FUNCTION steep_repl.prune_work_queue(interval)
	IS 'forget the jobs that ended longer ago than this; returns how many';

CREATE FUNCTION steep_repl.prune_jobs(p_role oid, p_older_than interval)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	WITH pruned AS (
		DELETE FROM steep_repl.work_queue AS q
		WHERE q.status IN ('complete', 'failed', 'cancelled')
			AND q.completed_at < now() - p_older_than
			AND steep_repl.may_manage(p_role, q.owner)
		RETURNING q.id)
	SELECT count(*) FROM pruned;
END;
COMMENT ON FUNCTION steep_repl.prune_jobs(oid, interval)
	IS 'internal: forget the ended jobs that a role may manage';

CREATE FUNCTION steep_repl.list_operations(
	p_status text DEFAULT NULL, p_limit int DEFAULT 100,
	OUT id bigint, OUT operation text, OUT external_id text, OUT status text, OUT phase text,
	OUT percent float8, OUT owner text, OUT attempt int, OUT created_at timestamptz,
	OUT started_at timestamptz, OUT completed_at timestamptz, OUT error_message text)
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_list_operations';
COMMENT ON FUNCTION steep_repl.list_operations(text, int)
	IS 'the newest jobs and how far they are: one''s own, or all for admins and monitors';

CREATE FUNCTION steep_repl.cancel_operation(p_id text)
RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'steep_repl_cancel_operation';
COMMENT ON FUNCTION steep_repl.cancel_operation(text)
	IS 'end a job, by its number or by the id of its merge or snapshot; false if it has ended already';

CREATE FUNCTION steep_repl.launcher_running()
RETURNS boolean
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_launcher_running';
COMMENT ON FUNCTION steep_repl.launcher_running()
	IS 'is the background worker that starts jobs there?';

CREATE FUNCTION steep_repl.merge_progress(
	p_merge_id text DEFAULT NULL,
	OUT merge_id text, OUT phase text, OUT overall_percent float8, OUT tables_completed int,
	OUT tables_total int, OUT current_table text, OUT bytes_processed bigint, OUT eta_seconds int, OUT error text)
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_merge_progress';
COMMENT ON FUNCTION steep_repl.merge_progress(text)
	IS 'how far merges are: one by its id, or all that have not ended';

----------------------------------------------------------------------------
-- Merge
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Privileges
----------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA steep_repl FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA steep_repl FROM PUBLIC;
