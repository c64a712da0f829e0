/* steep_repl 1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION steep_repl CASCADE" to load this file. \quit

-- Operators in the bodies below are those of the server, whatever the schemas
-- of the required extensions hold.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA steep_repl;
COMMENT ON SCHEMA steep_repl IS 'compare, merge and copy PostgreSQL nodes';

----------------------------------------------------------------------------
-- Types and tables
----------------------------------------------------------------------------

CREATE TABLE steep_repl.nodes (
	node_id text PRIMARY KEY CHECK (node_id <> '' AND length(node_id) <= 63),
	node_name text NOT NULL CHECK (node_name <> '' AND length(node_name) <= 255),
	host text CHECK (host <> '' AND length(host) <= 255),
	port int NOT NULL CHECK (port BETWEEN 1 AND 65535),
	priority int NOT NULL CHECK (priority BETWEEN 1 AND 100),
	server text CHECK (server <> ''),
	status text NOT NULL DEFAULT 'unknown'
		CHECK (status IN ('unknown', 'active', 'degraded', 'unreachable', 'offline')),
	last_seen timestamptz,
	init_state text NOT NULL DEFAULT 'uninitialized'
		CHECK (init_state IN ('uninitialized', 'preparing', 'copying', 'catching_up',
			'synchronized', 'diverged', 'failed', 'reinitializing')),
	init_changed_at timestamptz,
	init_id text,
	init_error text,
	registered_by text NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX nodes_local ON steep_repl.nodes ((true))
	WHERE host IS NULL AND server IS NULL;
COMMENT ON TABLE steep_repl.nodes IS 'nodes: one row each; the one without host and server is this very database';
COMMENT ON COLUMN steep_repl.nodes.server IS 'postgres_fdw server to reach it by; without one it is reached by host and port';
COMMENT ON COLUMN steep_repl.nodes.status IS 'what was last reported; node_status() says what has become of that';
COMMENT ON COLUMN steep_repl.nodes.last_seen IS 'its last heartbeat; that of this node keeps itself, and node_status() shows it';
COMMENT ON COLUMN steep_repl.nodes.init_state IS 'how far the node is on its way to be a copy of another that follows it';
COMMENT ON COLUMN steep_repl.nodes.init_changed_at IS 'since when';
COMMENT ON COLUMN steep_repl.nodes.init_id IS 'the last init of this node, in inits';
COMMENT ON COLUMN steep_repl.nodes.init_error IS 'why the node is failed or diverged, and what to do';
COMMENT ON COLUMN steep_repl.nodes.registered_by IS 'role that registered it, and that may change and remove it';

CREATE TABLE steep_repl.schema_fingerprints (
	node_id text NOT NULL REFERENCES steep_repl.nodes ON DELETE CASCADE,
	table_schema text NOT NULL,
	table_name text NOT NULL,
	fingerprint text NOT NULL,
	captured_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (node_id, table_schema, table_name)
);
COMMENT ON TABLE steep_repl.schema_fingerprints IS 'fingerprints of tables: one row each table that a node had when it was last captured';
COMMENT ON COLUMN steep_repl.schema_fingerprints.fingerprint IS 'version of the fingerprint, a colon, SHA-256 in hex; as compute_fingerprint() says';

CREATE TABLE steep_repl.audit_log (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor text NOT NULL,
	action text NOT NULL,
	target text NOT NULL,
	old_value jsonb,
	new_value jsonb,
	success boolean NOT NULL
);
COMMENT ON TABLE steep_repl.audit_log IS 'who has done what: nodes, and operations from their submit to their end';
COMMENT ON COLUMN steep_repl.audit_log.actor IS 'role@address of the client, or role@local if it came through a socket; the role alone if its job has ended by itself';
COMMENT ON COLUMN steep_repl.audit_log.action IS 'node.register, node.change, node.unregister; merge.start, merge.apply, merge.revert, merge.cancel, merge.end, and so on; audit.prune';
COMMENT ON COLUMN steep_repl.audit_log.success IS 'false for the end of an operation that has failed or was cancelled';

CREATE TABLE steep_repl.work_queue (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	operation text NOT NULL CHECK (length(operation) BETWEEN 1 AND 63),
	snapshot_id text,
	merge_id text,
	init_id text,
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
CREATE INDEX work_queue_failed ON steep_repl.work_queue (completed_at)
	WHERE status = 'failed';
CREATE INDEX work_queue_merge ON steep_repl.work_queue (merge_id);
CREATE INDEX work_queue_snapshot ON steep_repl.work_queue (snapshot_id);
CREATE INDEX work_queue_init ON steep_repl.work_queue (init_id);
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
	settled int,
	settle_after int,
	in_doubt boolean GENERATED ALWAYS AS
		(coalesce(attempt > settled, false) AND status <> 'complete') STORED,
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
CREATE INDEX work_steps_in_doubt ON steep_repl.work_steps (job_id) WHERE in_doubt;
COMMENT ON TABLE steep_repl.work_steps IS 'steps of jobs: one row each transaction that a job consists of';
COMMENT ON COLUMN steep_repl.work_steps.helper IS 'number of the worker that runs the step, within its job';
COMMENT ON COLUMN steep_repl.work_steps.settled IS 'how many attempts are known to have left nothing on the peer; null: the step commits on this node only';
COMMENT ON COLUMN steep_repl.work_steps.settle_after IS 'attempts after this one only find out whether the peer has committed, and if so finish the step here';
COMMENT ON COLUMN steep_repl.work_steps.in_doubt IS 'the peer may have committed what is not committed here';
COMMENT ON COLUMN steep_repl.work_steps.weight IS 'share of the step in the progress of its job, in rows or bytes';

CREATE TABLE steep_repl.merge_audit_log (
	merge_id text PRIMARY KEY,
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'running', 'needs_resolution', 'complete', 'failed', 'cancelled')),
	tables text[] NOT NULL,
	strategy text NOT NULL,
	dry_run boolean NOT NULL,
	peer text NOT NULL,
	requested_by text NOT NULL,
	owner oid NOT NULL,
	local_only_count bigint,
	remote_only_count bigint,
	match_count bigint,
	conflict_count bigint,
	applied_local bigint,
	applied_remote bigint,
	stale bigint,
	failed bigint,
	changed_since bigint,
	ties bigint,
	unknown_times bigint,
	clock_skew interval,
	atomicity text NOT NULL DEFAULT 'merge' CHECK (atomicity IN ('merge', 'batch')),
	options jsonb NOT NULL DEFAULT '{}',
	reverts text,
	backwards boolean NOT NULL DEFAULT false,
	server text NOT NULL,
	private_server boolean NOT NULL,
	conninfo text,
	peer_identity text,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	completed_at timestamptz,
	error_message text
);
COMMENT ON TABLE steep_repl.merge_audit_log IS 'merges: one row each operation, from its submit on';
COMMENT ON COLUMN steep_repl.merge_audit_log.peer IS 'where the other node is, without secrets';
COMMENT ON COLUMN steep_repl.merge_audit_log.applied_local IS 'rows written on this node';
COMMENT ON COLUMN steep_repl.merge_audit_log.applied_remote IS 'rows written on the peer';
COMMENT ON COLUMN steep_repl.merge_audit_log.stale IS 'rows that moved each time they were to be written, and were left alone';
COMMENT ON COLUMN steep_repl.merge_audit_log.changed_since IS 'merged rows that differed again when the merge was verified';
COMMENT ON COLUMN steep_repl.merge_audit_log.ties IS 'conflicts whose rows were changed at the same time';
COMMENT ON COLUMN steep_repl.merge_audit_log.unknown_times IS 'conflicts of which one row does not say when it was changed';
COMMENT ON COLUMN steep_repl.merge_audit_log.clock_skew IS 'how far the peer''s clock was ahead of this node''s';
COMMENT ON COLUMN steep_repl.merge_audit_log.reverts IS 'the merge that this one undoes';
COMMENT ON COLUMN steep_repl.merge_audit_log.backwards IS 'it undoes a merge that does not, so tables come before those that their foreign keys point to';
COMMENT ON COLUMN steep_repl.merge_audit_log.private_server IS 'the server was made for this merge and is dropped with its job';
COMMENT ON COLUMN steep_repl.merge_audit_log.peer_identity IS 'system identifier and database of the peer';
COMMENT ON COLUMN steep_repl.merge_audit_log.conninfo IS 'how to reach the peer again; null if by an existing server, or with a password';

CREATE TABLE steep_repl.merge_tables (
	id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	merge_id text NOT NULL REFERENCES steep_repl.merge_audit_log ON DELETE CASCADE,
	seq int NOT NULL,
	table_name text NOT NULL,
	strategy text NOT NULL,
	key_columns text[] NOT NULL,
	columns text[],
	modified_column text,
	condition text,
	excluded text[] NOT NULL DEFAULT '{}',
	applied_round int NOT NULL DEFAULT 0,
	reverts bigint,
	local_only_count bigint,
	remote_only_count bigint,
	match_count bigint,
	conflict_count bigint,
	changed_since bigint,
	PRIMARY KEY (merge_id, seq),
	UNIQUE (merge_id, table_name)
);
COMMENT ON TABLE steep_repl.merge_tables IS 'tables of merges, those that foreign keys point to first';
COMMENT ON COLUMN steep_repl.merge_tables.columns IS 'columns of which the images of its rows consist, from its plan on';
COMMENT ON COLUMN steep_repl.merge_tables.condition IS 'which rows take part; null: all';
COMMENT ON COLUMN steep_repl.merge_tables.applied_round IS 'rows planned in rounds up to this one are applied';
COMMENT ON COLUMN steep_repl.merge_tables.reverts IS 'id of the table that this one undoes';

CREATE TABLE steep_repl.merge_statements (
	merge_id text NOT NULL,
	table_name text NOT NULL,
	seq int NOT NULL,
	phase text NOT NULL CHECK (phase IN ('apply', 'sequences')),
	runs_on text NOT NULL CHECK (runs_on IN ('local', 'peer')),
	purpose text NOT NULL,
	statement text NOT NULL,
	PRIMARY KEY (merge_id, table_name, seq),
	FOREIGN KEY (merge_id, table_name)
		REFERENCES steep_repl.merge_tables (merge_id, table_name) ON DELETE CASCADE
);
COMMENT ON TABLE steep_repl.merge_statements IS 'statements that apply a planned merge; if a table would need others by then, it is not applied';
COMMENT ON COLUMN steep_repl.merge_statements.phase IS 'sequences: once the rows of all tables are written; these may be others by then';

-- No foreign key: a check of each of millions of rows, which only we write.
CREATE TABLE steep_repl.merge_rows (
	table_id bigint NOT NULL,
	seq bigint NOT NULL,
	round int NOT NULL,
	key jsonb NOT NULL,
	peer_key jsonb,
	category text NOT NULL CHECK (category IN ('local_only', 'remote_only', 'conflict')),
	resolution text CHECK (resolution IN ('local', 'remote', 'custom', 'skip')),
	resolved_by text,
	state text NOT NULL
		CHECK (state IN ('planned', 'pending', 'applied', 'stale', 'failed', 'reverted')),
	local_digest bytea,
	remote_digest bytea,
	local_target_digest bytea,
	remote_target_digest bytea,
	local_image text,
	remote_image text,
	local_target text,
	remote_target text,
	error_message text,
	PRIMARY KEY (table_id, seq)
);
COMMENT ON TABLE steep_repl.merge_rows IS 'what merge_decisions shows, as it is kept: images are texts of rows, of the columns of merge_tables';
COMMENT ON COLUMN steep_repl.merge_rows.peer_key IS 'the key as the peer prints it, if that differs';
COMMENT ON COLUMN steep_repl.merge_rows.local_target IS 'with resolution custom: what the row becomes on this node, null if it goes';
COMMENT ON COLUMN steep_repl.merge_rows.remote_target IS 'with resolution custom: what the row becomes on the peer, null if it goes';

CREATE VIEW steep_repl.merge_effects AS
	SELECT r.*,
		CASE WHEN r.resolution = 'remote' THEN r.remote_image
			WHEN r.resolution = 'custom' THEN r.local_target
			ELSE r.local_image END AS local_after,
		CASE WHEN r.resolution = 'local' THEN r.local_image
			WHEN r.resolution = 'custom' THEN r.remote_target
			ELSE r.remote_image END AS remote_after,
		CASE WHEN r.resolution = 'remote' THEN r.remote_digest
			WHEN r.resolution = 'custom' THEN r.local_target_digest
			ELSE r.local_digest END AS local_after_digest,
		CASE WHEN r.resolution = 'local' THEN r.local_digest
			WHEN r.resolution = 'custom' THEN r.remote_target_digest
			ELSE r.remote_digest END AS remote_after_digest,
		CASE
			WHEN r.resolution = 'remote' AND r.local_digest IS NULL THEN 'insert'
			WHEN r.resolution = 'remote' THEN 'update'
			WHEN r.resolution <> 'custom'
				OR r.local_digest IS NOT DISTINCT FROM r.local_target_digest THEN NULL
			WHEN r.local_digest IS NULL THEN 'insert'
			WHEN r.local_target_digest IS NULL THEN 'delete'
			ELSE 'update' END AS local_action,
		CASE
			WHEN r.resolution = 'local' AND r.remote_digest IS NULL THEN 'insert'
			WHEN r.resolution = 'local' THEN 'update'
			WHEN r.resolution <> 'custom'
				OR r.remote_digest IS NOT DISTINCT FROM r.remote_target_digest THEN NULL
			WHEN r.remote_digest IS NULL THEN 'insert'
			WHEN r.remote_target_digest IS NULL THEN 'delete'
			ELSE 'update' END AS remote_action
	FROM steep_repl.merge_rows r;
COMMENT ON VIEW steep_repl.merge_effects IS 'merge_rows, with what each becomes on both nodes and what has to be done for that: insert, update, delete or null';

CREATE TABLE steep_repl.merge_markers (
	merge_id text NOT NULL,
	batch bigint NOT NULL,
	epoch int NOT NULL DEFAULT 1,
	result jsonb,
	claimed_by text NOT NULL DEFAULT session_user,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (merge_id, batch)
);
COMMENT ON TABLE steep_repl.merge_markers IS 'batches that this node has applied for a merge that another node runs';

CREATE TABLE steep_repl.snapshots (
	snapshot_id text PRIMARY KEY,
	kind text NOT NULL CHECK (kind IN ('generate', 'apply')),
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'running', 'complete', 'failed', 'cancelled')),
	path text NOT NULL,
	compression text,
	parallel int NOT NULL CHECK (parallel BETWEEN 1 AND 32),
	verify boolean NOT NULL DEFAULT false,
	options jsonb NOT NULL DEFAULT '{}',
	requested_by text NOT NULL,
	owner oid NOT NULL,
	source text,
	lsn pg_lsn,
	tables int,
	rows bigint,
	bytes bigint,
	file_bytes bigint,
	facts jsonb NOT NULL DEFAULT '{}',
	directory_made boolean NOT NULL DEFAULT false,
	left_behind boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	completed_at timestamptz,
	error_message text
);
COMMENT ON TABLE steep_repl.snapshots IS 'snapshots that were written, and those that were applied, from their submit on';
COMMENT ON COLUMN steep_repl.snapshots.source IS 'of a snapshot that is applied: its id, as the node that wrote it has named it';
COMMENT ON COLUMN steep_repl.snapshots.lsn IS 'where that node''s log was when the snapshot was taken';
COMMENT ON COLUMN steep_repl.snapshots.bytes IS 'of rows, before compression';
COMMENT ON COLUMN steep_repl.snapshots.file_bytes IS 'of the files with rows';
COMMENT ON COLUMN steep_repl.snapshots.facts IS 'what else the manifest says';
COMMENT ON COLUMN steep_repl.snapshots.directory_made IS 'the directory is ours to remove until the snapshot is whole';
COMMENT ON COLUMN steep_repl.snapshots.left_behind IS 'half a snapshot is still in the directory';

CREATE TABLE steep_repl.snapshot_tables (
	snapshot_id text NOT NULL REFERENCES steep_repl.snapshots ON DELETE CASCADE,
	number int NOT NULL,
	relid oid,
	schema_name text NOT NULL,
	table_name text NOT NULL,
	columns text[] NOT NULL,
	types text[] NOT NULL,
	fingerprint text,
	rows bigint,
	digest text,
	created boolean NOT NULL DEFAULT false,
	rows_before bigint,
	digest_before text,
	rows_found bigint,
	digests_found text[] NOT NULL DEFAULT '{}',
	PRIMARY KEY (snapshot_id, number),
	UNIQUE (snapshot_id, schema_name, table_name)
);
COMMENT ON TABLE steep_repl.snapshot_tables IS 'tables of snapshots, by the numbers that their files have';
COMMENT ON COLUMN steep_repl.snapshot_tables.columns IS 'those in the files, in that order';
COMMENT ON COLUMN steep_repl.snapshot_tables.digest IS 'sum of the digests of its rows';
COMMENT ON COLUMN steep_repl.snapshot_tables.created IS 'by the snapshot that is applied; else rows are added to a table that existed';
COMMENT ON COLUMN steep_repl.snapshot_tables.digests_found IS 'of parts of a large table, once it is loaded';
COMMENT ON COLUMN steep_repl.snapshot_tables.rows_before IS 'that a table had before others were added';

CREATE TABLE steep_repl.snapshot_chunks (
	snapshot_id text NOT NULL,
	number int NOT NULL,
	chunk int NOT NULL,
	part int NOT NULL DEFAULT 1,
	first_block bigint,
	last_block bigint,
	done boolean NOT NULL DEFAULT false,
	rows bigint,
	bytes bigint,
	file_bytes bigint,
	sha256 text,
	digest text,
	PRIMARY KEY (snapshot_id, number, chunk),
	FOREIGN KEY (snapshot_id, number) REFERENCES steep_repl.snapshot_tables ON DELETE CASCADE
);
COMMENT ON TABLE steep_repl.snapshot_chunks IS 'files with rows of snapshots: parts of tables';
COMMENT ON COLUMN steep_repl.snapshot_chunks.part IS 'which step is at it: one takes a big chunk, or several small ones';
COMMENT ON COLUMN steep_repl.snapshot_chunks.first_block IS 'of the table, as it is written; null: from its start';
COMMENT ON COLUMN steep_repl.snapshot_chunks.last_block IS 'the first that is not in it any more; null: up to its end';
COMMENT ON COLUMN steep_repl.snapshot_chunks.done IS 'the file is written, or its rows are loaded';

CREATE TABLE steep_repl.inits (
	init_id text PRIMARY KEY,
	kind text NOT NULL CHECK (kind IN ('init', 'reinit')),
	node_id text NOT NULL,
	source text NOT NULL,
	method text NOT NULL CHECK (method IN
		('snapshot', 'direct', 'two-phase', 'manual', 'bidirectional-merge')),
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'running', 'complete', 'failed', 'cancelled')),
	options jsonb NOT NULL DEFAULT '{}',
	tables text[] NOT NULL,
	publication text NOT NULL,
	slot text NOT NULL,
	subscription text NOT NULL,
	snapshot_id text,
	merge_id text,
	lsn pg_lsn,
	rows bigint,
	bytes bigint,
	requested_by text NOT NULL,
	owner oid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	completed_at timestamptz,
	error_message text
);
CREATE INDEX inits_node ON steep_repl.inits (node_id, created_at);
COMMENT ON TABLE steep_repl.inits IS 'inits and reinits of this node, from their submit on';
COMMENT ON COLUMN steep_repl.inits.tables IS 'as the source has them: those of an init that the publication lists, those of a reinit that are copied again';
COMMENT ON COLUMN steep_repl.inits.snapshot_id IS 'the snapshot in files that it applies';
COMMENT ON COLUMN steep_repl.inits.merge_id IS 'the merge that it waits for';
COMMENT ON COLUMN steep_repl.inits.lsn IS 'where in the source''s log the slot starts: what was committed before is copied, what is after is replicated';

CREATE TABLE steep_repl.init_objects (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	init_id text NOT NULL REFERENCES steep_repl.inits ON DELETE CASCADE,
	node_id text NOT NULL,
	kind text NOT NULL CHECK (kind IN ('subscription', 'slot', 'publication', 'table', 'rows', 'snapshot')),
	name text NOT NULL,
	kept boolean NOT NULL DEFAULT false,
	recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX init_objects_init ON steep_repl.init_objects (init_id);
COMMENT ON TABLE steep_repl.init_objects IS 'what inits make on either node: recorded before it is made, forgotten once it is removed';
COMMENT ON COLUMN steep_repl.init_objects.node_id IS 'where it is';
COMMENT ON COLUMN steep_repl.init_objects.kept IS 'it belongs to a node that has become synchronized';

CREATE TABLE steep_repl.init_slots (
	slot_name text PRIMARY KEY,
	node_id text NOT NULL,
	status text NOT NULL DEFAULT 'preparing'
		CHECK (status IN ('preparing', 'prepared', 'used', 'dropped', 'failed')),
	lsn pg_lsn,
	snapshot_name text,
	publication text NOT NULL,
	published boolean NOT NULL,
	tables text[] NOT NULL,
	init_id text,
	created_by text NOT NULL,
	owner oid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	used_at timestamptz,
	error_message text
);
COMMENT ON TABLE steep_repl.init_slots IS 'slots prepared for manual inits';
COMMENT ON COLUMN steep_repl.init_slots.node_id IS 'node that has the slot';
COMMENT ON COLUMN steep_repl.init_slots.lsn IS 'where in its log the slot starts';
COMMENT ON COLUMN steep_repl.init_slots.snapshot_name IS 'exported snapshot of that moment, for pg_dump --snapshot; null once it is not held any more';
COMMENT ON COLUMN steep_repl.init_slots.published IS 'the publication was made with the slot';
COMMENT ON COLUMN steep_repl.init_slots.init_id IS 'init that uses the slot';

----------------------------------------------------------------------------
-- Digests
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.digest_version() RETURNS integer
    AS 'MODULE_PATHNAME', 'steep_repl_digest_version'
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.digest_version() IS
'version of the digests; digests of two nodes may be compared only if it is the same on both';

CREATE FUNCTION steep_repl.row_digest(VARIADIC "any") RETURNS bytea
    AS 'MODULE_PATHNAME', 'steep_repl_row_digest'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.row_digest("any") IS
'16-byte digest of the columns given; equal exactly when every column prints the same (up to hash collisions). A call takes at most 100 columns: digest a wider row in parts, row_digest(a, row_digest(b, ...)). Wants search_path pg_catalog for reg* types, lc_monetary C for arrays and composites of money. Raises feature_not_supported if called with a VARIADIC array.';

-- COST: the planner expects a third of the rows to pass, too many to take from
-- parallel workers unless their choice is dear.
CREATE FUNCTION steep_repl.in_leaves(bitmap bytea, VARIADIC "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'steep_repl_in_leaves'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION steep_repl.in_leaves(bytea, "any") IS
'whether the leaf of the key columns given is set in the bitmap, which has one bit per leaf, numbered as by get_bit(); null if the bitmap is null. Raises invalid_parameter_value unless the bitmap has a power of two of bytes, 1 to 2097152.';

CREATE FUNCTION steep_repl.digest_leaves_add(internal, leaves integer, nkeys integer, VARIADIC "any") RETURNS internal
    AS 'MODULE_PATHNAME', 'steep_repl_digest_leaves_add'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.digest_leaves_add(internal, integer, integer, "any") IS
'part of the aggregate digest_leaves: adds a row';

CREATE FUNCTION steep_repl.digest_leaves_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'steep_repl_digest_leaves_combine'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.digest_leaves_combine(internal, internal) IS
'part of the aggregate digest_leaves: adds the leaves of a parallel worker';

CREATE FUNCTION steep_repl.digest_leaves_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'steep_repl_digest_leaves_serialize'
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.digest_leaves_serialize(internal) IS
'part of the aggregate digest_leaves: hands leaves from a parallel worker to its leader';

CREATE FUNCTION steep_repl.digest_leaves_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'steep_repl_digest_leaves_deserialize'
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.digest_leaves_deserialize(bytea, internal) IS
'part of the aggregate digest_leaves: receives leaves from a parallel worker';

CREATE FUNCTION steep_repl.digest_leaves_result(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'steep_repl_digest_leaves_result'
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.digest_leaves_result(internal) IS
'part of the aggregate digest_leaves: turns the leaves into bytes';

-- SSPACE: 65536 leaves of 32 bytes.
CREATE AGGREGATE steep_repl.digest_leaves(leaves integer, nkeys integer, VARIADIC "any") (
    SFUNC = steep_repl.digest_leaves_add,
    STYPE = internal,
    SSPACE = 2097152,
    FINALFUNC = steep_repl.digest_leaves_result,
    COMBINEFUNC = steep_repl.digest_leaves_combine,
    SERIALFUNC = steep_repl.digest_leaves_serialize,
    DESERIALFUNC = steep_repl.digest_leaves_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE steep_repl.digest_leaves(integer, integer, "any") IS
'digests rows into leaves: the first nkeys columns are the key, the low half of their row_digest modulo leaves names the leaf, which holds the number of its rows, the sum of their row_digests, and the sum of their low halves times the next 8 bits of the digests of their keys. Returns 16 + 28 * leaves bytes, or null if there is no row. Raises invalid_parameter_value unless leaves is a power of two, 8 to 16777216, and nkeys 1 to the number of columns.';

CREATE FUNCTION steep_repl.compare_leaves(local bytea, peer bytea,
    OUT local_rows bigint, OUT peer_rows bigint, OUT leaves integer, OUT differing integer,
    OUT local_suspects bigint, OUT peer_suspects bigint, OUT bitmap bytea)
    AS 'MODULE_PATHNAME', 'steep_repl_compare_leaves'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.compare_leaves(bytea, bytea) IS
'compares two results of digest_leaves, null meaning no rows: rows of each side, leaves, how many differ, a bitmap of rows to look at for in_leaves (null if neither side has a row), and about how many rows of each side that names. A leaf in which one part differs by the 8 bits is named by that part only, if its rows are many. Raises protocol_violation unless both are leaves, and equally many.';

----------------------------------------------------------------------------
-- Overlap
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.row_image(columns text[], record text)
RETURNS jsonb
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'steep_repl_row_image';
COMMENT ON FUNCTION steep_repl.row_image(text[], text) IS
'turns the text of ROW(columns)::text into a JSON object of strings by column name';

CREATE FUNCTION steep_repl.key_image(key text[], columns text[], record text)
RETURNS jsonb
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'steep_repl_key_image';
COMMENT ON FUNCTION steep_repl.key_image(text[], text[], text) IS
'turns the key columns of the text of ROW(columns)::text into a JSON object of strings by column name';

CREATE FUNCTION steep_repl.image_record(columns text[], image jsonb)
RETURNS text
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'steep_repl_image_record';
COMMENT ON FUNCTION steep_repl.image_record(text[], jsonb) IS
'turns a JSON object of strings back into the text of a row of these columns';

CREATE FUNCTION steep_repl.changed_columns(columns text[], before text, after text)
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'steep_repl_changed_columns';
COMMENT ON FUNCTION steep_repl.changed_columns(text[], text, text) IS
'names the columns in which the texts of two rows differ; null if one is null';

CREATE FUNCTION steep_repl.reorder_record(columns text[], record text, wanted text[])
RETURNS text
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'steep_repl_reorder_record';
COMMENT ON FUNCTION steep_repl.reorder_record(text[], text, text[]) IS
'turns the text of ROW(columns)::text into that of a row of the wanted columns; one that is not there is null';

CREATE FUNCTION steep_repl.analyze_overlap(
    p_peer_connstr text,
    p_tables text[],
    p_primary_keys jsonb DEFAULT NULL)
RETURNS TABLE (
    table_name text,
    local_only_count bigint,
    remote_only_count bigint,
    match_count bigint,
    conflict_count bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_analyze_overlap';
COMMENT ON FUNCTION steep_repl.analyze_overlap(text, text[], jsonb) IS
'counts, for each table, the rows only here, only on the peer, equal and in conflict; reads only, one snapshot a node';

CREATE FUNCTION steep_repl.diff(
    p_peer_connstr text,
    p_table text,
    p_primary_key text[] DEFAULT NULL,
    p_limit bigint DEFAULT NULL)
RETURNS TABLE (
    key jsonb,
    category text,
    changed_columns text[],
    local_row jsonb,
    remote_row jsonb)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_diff';
COMMENT ON FUNCTION steep_repl.diff(text, text, text[], bigint) IS
'lists the rows in which a table differs from the peer, in key order; every value as the text of its type';

CREATE FUNCTION steep_repl.assert_in_sync(p_peer_connstr text, p_tables text[])
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_assert_in_sync';
COMMENT ON FUNCTION steep_repl.assert_in_sync(text, text[]) IS
'raises check_violation if any row of the tables differs from the peer';

CREATE FUNCTION steep_repl.overlap_sql(
    p_peer_connstr text,
    p_table text,
    p_primary_key text[] DEFAULT NULL)
RETURNS TABLE (seq int, runs_on text, purpose text, statement text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_overlap_sql';
COMMENT ON FUNCTION steep_repl.overlap_sql(text, text, text[]) IS
'prints the statements that analyze_overlap() would run for a table, on which node, and why';

CREATE FUNCTION steep_repl.table_ddl(p_tables text[])
RETURNS TABLE (section text, kind text, object text, statement text, table_name text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_table_ddl';
COMMENT ON FUNCTION steep_repl.table_ddl(text[]) IS
'lists the statements that create tables, and what they stand on, in an empty database, in order';

CREATE FUNCTION steep_repl.table_ddl_omissions(p_tables text[])
RETURNS TABLE (scope text, kind text, object text, needed_by text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_table_ddl_omissions';
COMMENT ON FUNCTION steep_repl.table_ddl_omissions(text[]) IS
'lists what table_ddl() leaves out: what its statements need, what else the tables have, and what else is in the database';

CREATE FUNCTION steep_repl.column_ddl(p_table text, p_column text)
RETURNS TABLE (section text, kind text, object text, statement text, table_name text)
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_column_ddl';
COMMENT ON FUNCTION steep_repl.column_ddl(text, text) IS
'lists the statements that add a column to a table that lacks it, and create what it stands on, in order';

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

CREATE FUNCTION steep_repl.actor(p_role text)
RETURNS text
LANGUAGE sql STABLE
RETURN p_role || '@' || coalesce(host(inet_client_addr()), 'local');
COMMENT ON FUNCTION steep_repl.actor(text)
	IS 'internal: names a role and the client that acts as it in this session';

CREATE FUNCTION steep_repl.note_event(
	p_actor text, p_action text, p_target text, p_old jsonb, p_new jsonb, p_success boolean)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.audit_log (actor, action, target, old_value, new_value, success)
	VALUES (p_actor, p_action, p_target, p_old, p_new, p_success);
END;
COMMENT ON FUNCTION steep_repl.note_event(text, text, text, jsonb, jsonb, boolean)
	IS 'internal: writes down who has done what';

CREATE FUNCTION steep_repl.prune_audit_log(p_older_than interval)
RETURNS bigint
LANGUAGE sql VOLATILE STRICT
BEGIN ATOMIC
	WITH pruned AS (
		DELETE FROM steep_repl.audit_log WHERE at < now() - p_older_than
		RETURNING id),
	noted AS (
		INSERT INTO steep_repl.audit_log (actor, action, target, new_value, success)
		SELECT steep_repl.actor(current_user), 'audit.prune', 'audit_log',
			jsonb_build_object('older_than', p_older_than, 'rows', count(*)), true
		FROM pruned
		HAVING count(*) > 0)
	SELECT count(*) FROM pruned;
END;
COMMENT ON FUNCTION steep_repl.prune_audit_log(interval)
	IS 'forget what was done longer ago than this; returns how much, and notes it. Needs the privileges on steep_repl.audit_log';

CREATE FUNCTION steep_repl.backoff(p_attempt int)
RETURNS interval
LANGUAGE sql IMMUTABLE
RETURN make_interval(secs => least(60, 2 ^ (least(p_attempt, 10) - 1)));
COMMENT ON FUNCTION steep_repl.backoff(int)
	IS 'how long to wait before the attempt after this one';

CREATE FUNCTION steep_repl.enqueue_job(
	p_operation text, p_merge_id text, p_snapshot_id text, p_params jsonb,
	p_owner oid, p_owner_name text, p_parallel int, p_max_attempts int, p_init_id text DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.work_queue
		(operation, merge_id, snapshot_id, init_id, params, owner, owner_name, parallel, max_attempts)
	VALUES (p_operation, p_merge_id, p_snapshot_id, p_init_id, coalesce(p_params, '{}'),
			p_owner, p_owner_name, p_parallel, p_max_attempts)
	RETURNING id;
END;
COMMENT ON FUNCTION steep_repl.enqueue_job(text, text, text, jsonb, oid, text, int, int, text)
	IS 'internal: add a job to the queue';

CREATE FUNCTION steep_repl.enqueue_step(
	p_job bigint, p_stage int, p_seq int, p_kind text, p_target text, p_params jsonb, p_weight bigint,
	p_twofold boolean)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.work_steps (job_id, stage, seq, kind, target, params, weight, settled)
	VALUES (p_job, p_stage, p_seq, p_kind, p_target, coalesce(p_params, '{}'), p_weight,
			CASE WHEN p_twofold THEN 0 END);
END;
COMMENT ON FUNCTION steep_repl.enqueue_step(bigint, int, int, text, text, jsonb, bigint, boolean)
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

CREATE FUNCTION steep_repl.settle_attempts()
RETURNS int
LANGUAGE sql IMMUTABLE
RETURN 3;
COMMENT ON FUNCTION steep_repl.settle_attempts()
	IS 'how often it is tried to find out whether the peer has committed, before a job ends without that';

CREATE FUNCTION steep_repl.has_doubt(p_job bigint)
RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM steep_repl.work_steps AS s WHERE s.job_id = p_job AND s.in_doubt);
COMMENT ON FUNCTION steep_repl.has_doubt(bigint)
	IS 'internal: may the peer have committed a step of this job that is not committed here?';

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
				AND (o.cancel_requested AND NOT steep_repl.has_doubt(o.id)
					OR o.fruitless + (o.status = 'pending')::int >= o.max_attempts
						+ CASE WHEN steep_repl.has_doubt(o.id) THEN steep_repl.settle_attempts() ELSE 0 END)
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
		next_attempt_at = clock_timestamp() + steep_repl.backoff(attempt - coalesce(settle_after, 0))
	WHERE job_id = p_id AND status = 'running' AND helper <> ALL (p_busy);
	UPDATE steep_repl.work_steps AS s
	SET status = 'failed', completed_at = clock_timestamp(),
		error_sqlstate = coalesce(s.error_sqlstate, '58000'),
		error_message = coalesce(s.error_message,
			format('gave up after %s attempts, in which the worker ended without a result', s.attempt))
	FROM steep_repl.work_queue AS q
	WHERE s.job_id = p_id AND s.status = 'pending' AND q.id = p_id
		AND CASE WHEN s.in_doubt THEN s.attempt >= s.settle_after + steep_repl.settle_attempts()
			ELSE s.attempt >= q.max_attempts END;
	WITH unfinished AS (
		SELECT s.status, s.next_attempt_at, s.in_doubt,
			s.in_doubt AND (s.status = 'pending' OR s.status = 'running' AND s.attempt > s.settle_after) AS settling,
			s.stage = min(s.stage) OVER () AS current
		FROM steep_repl.work_steps AS s
		WHERE s.job_id = p_id AND s.status IN ('pending', 'running', 'failed'))
	SELECT q.id IS NOT NULL, q.cancel_requested AND NOT coalesce(bool_or(u.settling), false),
		-- the others were stopped because of the first
		(SELECT f.id FROM steep_repl.work_steps AS f WHERE f.job_id = p_id AND f.status = 'failed'
			ORDER BY f.completed_at, f.id LIMIT 1),
		count(*) FILTER (WHERE u.status = 'pending' AND u.current AND u.next_attempt_at <= clock_timestamp()
			AND (u.in_doubt OR NOT q.cancel_requested)),
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
	UPDATE steep_repl.work_steps AS w
	SET status = 'running', attempt = w.attempt + 1, helper = p_helper, started_at = clock_timestamp(),
		settle_after = coalesce(w.settle_after,
			CASE WHEN w.in_doubt AND (j.cancel_requested OR w.attempt >= j.max_attempts) THEN w.attempt END)
	FROM steep_repl.work_queue AS j
	WHERE j.id = p_job AND w.id = (
		SELECT s.id
		FROM steep_repl.work_steps AS s
		WHERE s.job_id = p_job AND s.status = 'pending' AND s.next_attempt_at <= clock_timestamp()
			AND s.stage = (
				SELECT min(u.stage)
				FROM steep_repl.work_steps AS u
				WHERE u.job_id = p_job AND u.status IN ('pending', 'running', 'failed'))
			AND EXISTS (
				SELECT FROM steep_repl.work_queue AS q
				WHERE q.id = p_job AND q.status = 'running' AND (s.in_doubt OR NOT q.cancel_requested))
			AND NOT EXISTS (
				SELECT FROM steep_repl.work_steps AS f WHERE f.job_id = p_job AND f.status = 'failed')
		ORDER BY s.seq, s.id
		LIMIT 1
		FOR UPDATE SKIP LOCKED)
	RETURNING w.*;
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
	p_id bigint, p_attempt int, p_settled boolean, p_status text,
	p_sqlstate text, p_message text, p_detail text, p_hint text, p_context text)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps AS s
	SET status = r.status, helper = NULL,
		completed_at = CASE WHEN r.status <> 'pending' THEN clock_timestamp() END,
		settled = CASE WHEN r.doubt OR s.settled IS NULL THEN s.settled ELSE s.attempt END,
		settle_after = coalesce(s.settle_after, CASE WHEN r.doubt AND p_status <> 'pending' THEN s.attempt END),
		next_attempt_at = clock_timestamp() + steep_repl.backoff(s.attempt - coalesce(s.settle_after, 0)),
		error_sqlstate = CASE WHEN r.keep THEN s.error_sqlstate ELSE p_sqlstate END,
		error_message = CASE WHEN r.keep THEN s.error_message ELSE p_message END,
		error_detail = CASE WHEN r.keep THEN s.error_detail ELSE p_detail END,
		error_hint = CASE WHEN r.keep THEN s.error_hint ELSE p_hint END,
		error_context = CASE WHEN r.keep THEN s.error_context ELSE p_context END
	FROM (SELECT o.id, d.doubt, o.attempt > o.settle_after AND o.error_message IS NOT NULL AS keep,
			CASE WHEN NOT d.doubt AND p_status = 'pending' AND o.attempt >= q.max_attempts THEN 'failed'
				WHEN NOT d.doubt THEN p_status
				WHEN o.attempt >= o.settle_after + steep_repl.settle_attempts() THEN 'failed'
				ELSE 'pending' END AS status
		FROM steep_repl.work_steps AS o
		JOIN steep_repl.work_queue AS q ON q.id = o.job_id,
			LATERAL (SELECT o.settled IS NOT NULL AND NOT p_settled) AS d (doubt)
		WHERE o.id = p_id) AS r
	WHERE s.id = r.id AND s.status = 'running' AND s.attempt = p_attempt
	RETURNING s.status;
END;
COMMENT ON FUNCTION steep_repl.fail_step(bigint, int, boolean, text, text, text, text, text, text)
	IS 'internal: mark a step failed, or pending again if it is worth another attempt or the peer may have committed it';

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
	WHERE (merge_id = p_id OR snapshot_id = p_id OR init_id = p_id
			OR id = CASE WHEN p_id ~ '^[0-9]{1,18}$' THEN p_id::bigint END)
		AND id <> ALL (p_skip)
	ORDER BY status NOT IN ('pending', 'running'), id DESC
	LIMIT 1;
END;
COMMENT ON FUNCTION steep_repl.find_job(text, bigint[])
	IS 'internal: a job by its number or by the id of its merge, snapshot or init, unfinished ones first';

CREATE FUNCTION steep_repl.request_cancel(p_id bigint)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET next_attempt_at = '-infinity'
	WHERE job_id = p_id AND status = 'pending' AND in_doubt;
	UPDATE steep_repl.work_queue
	SET cancel_requested = true,
		next_attempt_at = CASE WHEN steep_repl.has_doubt(id) THEN '-infinity' ELSE next_attempt_at END
	WHERE id = p_id AND status IN ('pending', 'running')
	RETURNING CASE WHEN steep_repl.has_doubt(id) THEN 'in doubt' ELSE status END;
END;
COMMENT ON FUNCTION steep_repl.request_cancel(bigint)
	IS 'internal: ask for the end of a job; returns its status, null if it has ended, "in doubt" if the peer may have committed a step';

CREATE FUNCTION steep_repl.job_status(p_id bigint, OUT p_status text, OUT p_writer xid)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT status, xmin
	FROM steep_repl.work_queue
	WHERE id = p_id;
END;
COMMENT ON FUNCTION steep_repl.job_status(bigint)
	IS 'internal: how a job stands, and the transaction that has last said so';

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
			AND NOT (steep_repl.has_doubt(q.id) AND EXISTS
				(SELECT FROM steep_repl.merge_audit_log AS m WHERE m.merge_id = q.merge_id))
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
	IS 'end a job, by its number or by the id of its merge, snapshot or init, or a merge whose conflicts wait; false if it has ended already';

CREATE FUNCTION steep_repl.launcher_running()
RETURNS boolean
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_launcher_running';
COMMENT ON FUNCTION steep_repl.launcher_running()
	IS 'is the background worker that starts jobs there?';

CREATE FUNCTION steep_repl.launcher_beat()
RETURNS timestamptz
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_launcher_beat';
COMMENT ON FUNCTION steep_repl.launcher_beat()
	IS 'when the background worker that starts jobs was last seen at work, since the server was started; every ten seconds at least';

CREATE FUNCTION steep_repl.merge_progress(
	p_merge_id text DEFAULT NULL,
	OUT merge_id text, OUT phase text, OUT overall_percent float8, OUT tables_completed int,
	OUT tables_total int, OUT current_table text, OUT bytes_processed bigint, OUT eta_seconds int, OUT error text)
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_merge_progress';
COMMENT ON FUNCTION steep_repl.merge_progress(text)
	IS 'how far merges are: one by its id, or all that have not ended';

CREATE FUNCTION steep_repl.snapshot_progress(
	p_snapshot_id text DEFAULT NULL,
	OUT snapshot_id text, OUT phase text, OUT overall_percent float8, OUT tables_completed int,
	OUT tables_total int, OUT current_table text, OUT bytes_processed bigint, OUT eta_seconds int, OUT error text)
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_snapshot_progress';
COMMENT ON FUNCTION steep_repl.snapshot_progress(text)
	IS 'how far snapshots are, written or applied: one by its id, or all that have not ended';

----------------------------------------------------------------------------
-- Nodes
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.find_node(p_node_id text)
RETURNS SETOF steep_repl.nodes
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT * FROM steep_repl.nodes WHERE node_id = p_node_id;
END;
COMMENT ON FUNCTION steep_repl.find_node(text)
	IS 'internal: a node by its id';

CREATE FUNCTION steep_repl.lock_node(
	p_node_id text, p_role oid, OUT p_may boolean, OUT p_registered_by text, OUT p_config jsonb)
RETURNS SETOF record
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT coalesce(steep_repl.may_manage(p_role, r.oid), steep_repl.is_admin(p_role)),
		n.registered_by,
		jsonb_build_object('node_name', n.node_name, 'host', n.host, 'port', n.port,
			'priority', n.priority, 'server', n.server)
	FROM steep_repl.nodes n
	LEFT JOIN pg_catalog.pg_roles r ON r.rolname = n.registered_by
	WHERE n.node_id = p_node_id
	FOR UPDATE OF n;
END;
COMMENT ON FUNCTION steep_repl.lock_node(text, oid)
	IS 'internal: keeps others from changing a node; says whether the role may, who registered it, and how';

CREATE FUNCTION steep_repl.local_node()
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT node_id FROM steep_repl.nodes WHERE host IS NULL AND server IS NULL;
END;
COMMENT ON FUNCTION steep_repl.local_node()
	IS 'internal: the id of this very node, null if it is not registered';

CREATE FUNCTION steep_repl.add_node(
	p_node_id text, p_node_name text, p_host text, p_port int, p_priority int, p_server text, p_by text)
RETURNS steep_repl.nodes
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.nodes (node_id, node_name, host, port, priority, server, registered_by)
	VALUES (p_node_id, p_node_name, p_host, p_port, p_priority, p_server, p_by)
	RETURNING *;
END;
COMMENT ON FUNCTION steep_repl.add_node(text, text, text, int, int, text, text)
	IS 'internal: register a node that is not';

CREATE FUNCTION steep_repl.change_node(
	p_node_id text, p_node_name text, p_host text, p_port int, p_priority int, p_server text)
RETURNS steep_repl.nodes
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.nodes
	SET node_name = p_node_name, host = p_host, port = p_port, priority = p_priority, server = p_server
	WHERE node_id = p_node_id
	RETURNING *;
END;
COMMENT ON FUNCTION steep_repl.change_node(text, text, text, int, int, text)
	IS 'internal: change a node that is registered';

CREATE FUNCTION steep_repl.remove_node(p_node_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	DELETE FROM steep_repl.nodes WHERE node_id = p_node_id;
END;
COMMENT ON FUNCTION steep_repl.remove_node(text)
	IS 'internal: forget a node';

CREATE FUNCTION steep_repl.touch_node(p_node_id text)
RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.nodes SET last_seen = clock_timestamp(), status = 'active'
	WHERE node_id = p_node_id
	RETURNING true;
END;
COMMENT ON FUNCTION steep_repl.touch_node(text)
	IS 'internal: a node has been seen';

CREATE FUNCTION steep_repl.node_states(
	p_node_id text,
	OUT node_id text, OUT node_name text, OUT status text, OUT last_seen timestamptz, OUT is_healthy boolean)
RETURNS SETOF record
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT n.node_id, n.node_name,
		CASE WHEN s.seen IS NULL THEN 'unknown'
			WHEN s.age < interval '30 seconds' THEN 'active'
			WHEN s.age < interval '5 minutes' THEN 'degraded'
			WHEN s.age < interval '1 hour' THEN 'unreachable'
			ELSE 'offline' END,
		s.seen,
		coalesce(s.age < interval '30 seconds', false)
	FROM (SELECT o.node_id, o.node_name,
			greatest(o.last_seen, CASE WHEN o.host IS NULL AND o.server IS NULL
				THEN steep_repl.launcher_beat() END) AS seen
		FROM steep_repl.nodes o
		WHERE p_node_id IS NULL OR o.node_id = p_node_id) n,
		LATERAL (SELECT n.seen, clock_timestamp() - n.seen AS age) s
	ORDER BY n.node_id;
END;
COMMENT ON FUNCTION steep_repl.node_states(text)
	IS 'internal: what has become of the heartbeats of one node, or of all';

CREATE FUNCTION steep_repl.register_node(
	p_node_id text,
	p_node_name text,
	p_host text DEFAULT NULL,
	p_port int DEFAULT 5432,
	p_priority int DEFAULT 50,
	p_server text DEFAULT NULL)
RETURNS steep_repl.nodes
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_register_node';
COMMENT ON FUNCTION steep_repl.register_node(text, text, text, int, int, text)
	IS 'register a node, or change one: without host and server this very node, else one that is reached by the postgres_fdw server, or by host and port, to the database and as the role that one is connected to and as here';

CREATE FUNCTION steep_repl.unregister_node(p_node_id text)
RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_unregister_node';
COMMENT ON FUNCTION steep_repl.unregister_node(text)
	IS 'forget a node';

CREATE FUNCTION steep_repl.heartbeat(p_node_id text)
RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_heartbeat';
COMMENT ON FUNCTION steep_repl.heartbeat(text)
	IS 'say that a node is alive; that of this node keeps itself while the background worker runs';

CREATE FUNCTION steep_repl.node_status(p_node_id text DEFAULT NULL)
RETURNS TABLE (node_id text, node_name text, status text, last_seen timestamptz, is_healthy boolean)
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_node_status';
COMMENT ON FUNCTION steep_repl.node_status(text)
	IS 'one node, or all, by their last heartbeat: active (and healthy) within 30 seconds of it, then degraded for 5 minutes, unreachable for an hour, offline; unknown if there was none. Asks no node';

CREATE FUNCTION steep_repl.check_node(
	p_node_id text,
	OUT node_id text, OUT database text, OUT server_version int, OUT has_extension boolean,
	OUT is_standby boolean, OUT round_trip interval)
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_check_node';
COMMENT ON FUNCTION steep_repl.check_node(text)
	IS 'connect to a node, say what it is and how long that took; raises if it cannot be reached or is this very database after all. Counts as its heartbeat';

----------------------------------------------------------------------------
-- Schema
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.record_fingerprints(
	p_node_id text, p_schemas text[], p_tables text[], p_fingerprints text[])
RETURNS int
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	WITH captured AS MATERIALIZED (
		SELECT * FROM unnest(p_schemas, p_tables, p_fingerprints)
			AS c (table_schema, table_name, fingerprint)),
	gone AS (
		DELETE FROM steep_repl.schema_fingerprints f
		WHERE f.node_id = p_node_id
			AND NOT EXISTS (
				SELECT FROM captured c
				WHERE c.table_schema = f.table_schema AND c.table_name = f.table_name)),
	recorded AS (
		INSERT INTO steep_repl.schema_fingerprints (node_id, table_schema, table_name, fingerprint)
		SELECT p_node_id, c.* FROM captured c
		ON CONFLICT (node_id, table_schema, table_name)
			DO UPDATE SET fingerprint = excluded.fingerprint, captured_at = excluded.captured_at
		RETURNING 1)
	SELECT count(*)::int FROM recorded;
END;
COMMENT ON FUNCTION steep_repl.record_fingerprints(text, text[], text[], text[])
	IS 'internal: keep the fingerprints of the tables that a node has, and forget those of others';

CREATE FUNCTION steep_repl.compute_fingerprint(p_schema text, p_table text)
RETURNS text
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'steep_repl_compute_fingerprint';
COMMENT ON FUNCTION steep_repl.compute_fingerprint(text, text)
	IS 'fingerprint of a table of this node: equal on two nodes, of any release, if its rows may hold the same';

CREATE FUNCTION steep_repl.capture_all_fingerprints(p_node_id text)
RETURNS int
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_capture_all_fingerprints';
COMMENT ON FUNCTION steep_repl.capture_all_fingerprints(text)
	IS 'records the fingerprints of all tables of a node in schema_fingerprints; returns how many. Another node than this is asked over the network';

CREATE FUNCTION steep_repl.compare_fingerprints(p_local_node text, p_peer_node text)
RETURNS TABLE (
	table_schema text, table_name text, local_fingerprint text, remote_fingerprint text, status text)
LANGUAGE c VOLATILE ROWS 100
AS 'MODULE_PATHNAME', 'steep_repl_compare_fingerprints';
COMMENT ON FUNCTION steep_repl.compare_fingerprints(text, text)
	IS 'fingerprints of all tables of this node and of another, as they are now: match, mismatch, local_only or remote_only';

CREATE FUNCTION steep_repl.schema_diff(p_peer_connstr text, p_table text)
RETURNS TABLE (
	object text, difference text, severity text, local_definition text, remote_definition text,
	fix_sql text, destructive_sql text)
LANGUAGE c VOLATILE ROWS 10
AS 'MODULE_PATHNAME', 'steep_repl_schema_diff';
COMMENT ON FUNCTION steep_repl.schema_diff(text, text)
	IS 'how a table differs from that of a peer, and the SQL that would make it the same here; destructive_sql, which drops or narrows something, is yours to decide on';

----------------------------------------------------------------------------
-- Merge
----------------------------------------------------------------------------

-- What the peer of a merge does in its own tables.

CREATE FUNCTION steep_repl.claim_batch(p_merge_id text, p_batch bigint)
RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH claimed AS (
		INSERT INTO steep_repl.merge_markers (merge_id, batch)
		VALUES (p_merge_id, p_batch)
		ON CONFLICT DO NOTHING
		RETURNING 1)
	SELECT EXISTS (SELECT FROM claimed);
END;
COMMENT ON FUNCTION steep_repl.claim_batch(text, bigint) IS
'marks a batch of a merge as applied on this node by the calling transaction; false if it was before';

CREATE FUNCTION steep_repl.batch_result(p_merge_id text, p_batch bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.result FROM steep_repl.merge_markers m
	WHERE m.merge_id = p_merge_id AND m.batch = p_batch
		AND m.claimed_by = session_user;
END;
COMMENT ON FUNCTION steep_repl.batch_result(text, bigint) IS
'says which rows a batch of a merge left out: {"table": [decision, ...]}';

CREATE FUNCTION steep_repl.finish_batch(p_merge_id text, p_batch bigint, p_result jsonb)
RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	UPDATE steep_repl.merge_markers m SET result = p_result
	WHERE m.merge_id = p_merge_id AND m.batch = p_batch
		AND m.claimed_by = session_user AND m.result IS NULL
	RETURNING true;
END;
COMMENT ON FUNCTION steep_repl.finish_batch(text, bigint, jsonb) IS
'records which rows a batch of a merge left out';

CREATE FUNCTION steep_repl.forget_batch(p_merge_id text, p_batch bigint)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	DELETE FROM steep_repl.merge_markers m
	WHERE m.merge_id = p_merge_id AND m.batch = p_batch
		AND m.claimed_by = session_user;
END;
COMMENT ON FUNCTION steep_repl.forget_batch(text, bigint) IS
'removes the mark of a batch on this node, once it is applied on both';

-- What both nodes of a merge do.

CREATE FUNCTION steep_repl.tag_writes()
RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_tag_writes';
COMMENT ON FUNCTION steep_repl.tag_writes() IS
'keeps what the transaction writes from subscriptions with origin = none; false if the role may not execute pg_replication_origin_session_setup';

-- Book-keeping of the node that runs a merge; called as the owner of these
-- tables.

CREATE FUNCTION steep_repl.new_merge(
	p_tables text[], p_strategy text, p_dry_run boolean, p_options jsonb,
	p_peer text, p_server text, p_conninfo text, p_owner oid,
	p_skew interval, p_reverts text, p_identity text)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	WITH id AS MATERIALIZED (
		SELECT 'merge_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISS') ||
			'_' || left(gen_random_uuid()::text, 8) AS merge_id)
	INSERT INTO steep_repl.merge_audit_log
		(merge_id, tables, strategy, dry_run, options, peer, server,
		 private_server, conninfo, requested_by, owner, atomicity, clock_skew,
		 reverts, backwards, peer_identity)
	SELECT merge_id, p_tables, p_strategy, p_dry_run, p_options, p_peer,
		coalesce(p_server, 'steep_repl_' || merge_id), p_server IS NULL,
		p_conninfo, pg_get_userbyid(p_owner), p_owner,
		coalesce(p_options ->> 'atomicity', 'merge'), p_skew, p_reverts,
		coalesce((SELECT NOT o.backwards FROM steep_repl.merge_audit_log o
			WHERE o.merge_id = p_reverts), false),
		p_identity
	FROM id
	RETURNING merge_id;
END;
COMMENT ON FUNCTION steep_repl.new_merge(text[], text, boolean, jsonb, text, text, text, oid, interval, text, text) IS
'records a merge and names it';

CREATE FUNCTION steep_repl.add_merge_table(
	p_merge_id text, p_seq int, p_table text, p_strategy text, p_key text[],
	p_modified_column text, p_condition text, p_excluded text[])
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.merge_tables
		(merge_id, seq, table_name, strategy, key_columns, modified_column,
		 condition, excluded)
	VALUES (p_merge_id, p_seq, p_table, p_strategy, p_key, p_modified_column,
		p_condition, coalesce(p_excluded, '{}'));
END;
COMMENT ON FUNCTION steep_repl.add_merge_table(text, int, text, text, text[], text, text, text[]) IS
'adds a table to a merge';

CREATE FUNCTION steep_repl.clear_plan(p_table bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	DELETE FROM steep_repl.merge_rows WHERE table_id = p_table;
	DELETE FROM steep_repl.merge_statements s
	USING steep_repl.merge_tables t
	WHERE t.id = p_table AND s.merge_id = t.merge_id AND s.table_name = t.table_name;
END;
COMMENT ON FUNCTION steep_repl.clear_plan(bigint) IS
'forgets the plan for a table, before it is planned again from the start';

CREATE FUNCTION steep_repl.record_plan(
	p_table bigint, p_columns text[], p_local_only bigint, p_remote_only bigint,
	p_match bigint, p_conflict bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_tables
	SET columns = p_columns, local_only_count = p_local_only,
		remote_only_count = p_remote_only, match_count = p_match,
		conflict_count = p_conflict
	WHERE id = p_table;
END;
COMMENT ON FUNCTION steep_repl.record_plan(bigint, text[], bigint, bigint, bigint, bigint) IS
'records of which columns a table''s images are, and how it differed when it was planned';

CREATE FUNCTION steep_repl.count_plan(
	p_table bigint, OUT local_only bigint, OUT remote_only bigint, OUT conflict bigint)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT count(*) FILTER (WHERE category = 'local_only'),
		count(*) FILTER (WHERE category = 'remote_only'),
		count(*) FILTER (WHERE category = 'conflict')
	FROM steep_repl.merge_rows WHERE table_id = p_table;
END;
COMMENT ON FUNCTION steep_repl.count_plan(bigint) IS
'counts the decisions on a table by category';

CREATE FUNCTION steep_repl.add_merge_statement(
	p_merge_id text, p_table text, p_seq int, p_phase text, p_runs_on text,
	p_purpose text, p_statement text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.merge_statements
		(merge_id, table_name, seq, phase, runs_on, purpose, statement)
	VALUES (p_merge_id, p_table, p_seq, p_phase, p_runs_on, p_purpose, p_statement);
END;
COMMENT ON FUNCTION steep_repl.add_merge_statement(text, text, int, text, text, text, text) IS
'records a statement that applies the plan for a table';

CREATE FUNCTION steep_repl.rows_to_write(
	p_table bigint, p_site text, p_actions text[], p_old boolean,
	p_after bigint, p_until bigint, p_limit bigint, p_order text[],
	OUT last_seq bigint, OUT n bigint, OUT images text[], OUT digests bytea[])
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT max(d.seq), count(*),
		array_agg(steep_repl.reorder_record(
			(SELECT columns FROM steep_repl.merge_tables WHERE id = p_table),
			d.image, p_order) ORDER BY d.seq),
		array_agg(d.digest)
	FROM (SELECT e.seq,
			CASE WHEN p_site = 'local' AND p_old THEN e.local_image
				WHEN p_site = 'local' THEN e.local_after
				WHEN p_old THEN e.remote_image
				ELSE e.remote_after END AS image,
			CASE p_site WHEN 'local' THEN e.local_after_digest
				ELSE e.remote_after_digest END AS digest
		FROM steep_repl.merge_effects e
		WHERE e.table_id = p_table AND e.state = 'planned'
			AND e.round > (SELECT applied_round FROM steep_repl.merge_tables WHERE id = p_table)
			AND CASE p_site WHEN 'local' THEN e.local_action ELSE e.remote_action END = ANY (p_actions)
			AND e.seq > p_after AND e.seq <= p_until
		ORDER BY e.seq LIMIT p_limit) d;
END;
COMMENT ON FUNCTION steep_repl.rows_to_write(bigint, text, text[], boolean, bigint, bigint, bigint, text[]) IS
'cuts the next planned rows on which a node has to act: as texts of rows, new or old, and the new digests';

CREATE FUNCTION steep_repl.mark_stale(p_table bigint, p_seqs bigint[])
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows SET state = 'stale'
	WHERE table_id = p_table AND seq = ANY (p_seqs) AND state = 'planned';
END;
COMMENT ON FUNCTION steep_repl.mark_stale(bigint, bigint[]) IS
'marks decisions whose rows moved before they could be applied';

CREATE FUNCTION steep_repl.mark_all_stale(p_merge_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows r SET state = 'stale'
	FROM steep_repl.merge_tables t
	WHERE t.merge_id = p_merge_id AND r.table_id = t.id
		AND r.state = 'planned' AND r.round > t.applied_round;
END;
COMMENT ON FUNCTION steep_repl.mark_all_stale(text) IS
'marks all decisions that are planned as to be looked at again';

CREATE FUNCTION steep_repl.mark_left_out(p_merge_id text, p_result jsonb)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows r SET state = 'stale'
	FROM jsonb_each(p_result) l, jsonb_array_elements_text(l.value) s,
		steep_repl.merge_tables t
	WHERE t.merge_id = p_merge_id AND t.table_name = l.key
		AND r.table_id = t.id AND r.seq = s.value::bigint
		AND r.state = 'planned';
END;
COMMENT ON FUNCTION steep_repl.mark_left_out(text, jsonb) IS
'marks the decisions that the peer left out in a batch it has applied before';

CREATE FUNCTION steep_repl.left_out(p_merge_id text)
RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce(jsonb_object_agg(l.table_name, l.seqs), '{}')
	FROM (SELECT t.table_name, jsonb_agg(r.seq) AS seqs
		FROM steep_repl.merge_tables t
		JOIN steep_repl.merge_rows r ON r.table_id = t.id
		WHERE t.merge_id = p_merge_id AND r.state = 'stale'
		GROUP BY t.table_name) l;
END;
COMMENT ON FUNCTION steep_repl.left_out(text) IS
'lists the decisions that are stale: {"table": [decision, ...]}';

CREATE FUNCTION steep_repl.mark_applied(p_merge_id text, p_round int)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_tables SET applied_round = p_round
	WHERE merge_id = p_merge_id;
END;
COMMENT ON FUNCTION steep_repl.mark_applied(text, int) IS
'marks what is planned, in rounds up to this one, as applied';

CREATE FUNCTION steep_repl.mark_batch(
	p_table bigint, p_after bigint, p_until bigint, p_state text, p_error text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows SET state = p_state, error_message = p_error
	WHERE table_id = p_table AND seq > p_after AND seq <= p_until
		AND state = 'planned';
END;
COMMENT ON FUNCTION steep_repl.mark_batch(bigint, bigint, bigint, text, text) IS
'marks what is planned of one batch';

CREATE FUNCTION steep_repl.batch_bounds(p_table bigint, p_size int)
RETURNS SETOF bigint
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT max(b.seq)
	FROM (SELECT r.seq, (row_number() OVER (ORDER BY r.seq) - 1) / p_size AS batch
		FROM steep_repl.merge_rows r
		WHERE r.table_id = p_table AND r.state = 'planned') b
	GROUP BY b.batch
	ORDER BY b.batch;
END;
COMMENT ON FUNCTION steep_repl.batch_bounds(bigint, int) IS
'cuts what is planned on a table into batches: the last decision of each';

CREATE FUNCTION steep_repl.halve_batch(
	p_table bigint, p_after bigint, p_until bigint, OUT n bigint, OUT middle bigint)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY r.seq)
	FROM steep_repl.merge_rows r
	WHERE r.table_id = p_table AND r.seq > p_after AND r.seq <= p_until
		AND r.state = 'planned';
END;
COMMENT ON FUNCTION steep_repl.halve_batch(bigint, bigint, bigint) IS
'counts what is planned of a batch, and says where its first half ends';

CREATE FUNCTION steep_repl.planned_changes(
	p_merge_id text, OUT table_name text, OUT changes bigint, OUT rows bigint)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT t.table_name,
		(SELECT count(*) FROM steep_repl.merge_effects e
			WHERE e.table_id = t.id AND e.state = 'planned'
				AND e.round > t.applied_round
				AND num_nonnulls(e.local_action, e.remote_action) > 0),
		t.local_only_count + t.remote_only_count + t.match_count + t.conflict_count
	FROM steep_repl.merge_tables t
	WHERE t.merge_id = p_merge_id
	ORDER BY t.seq;
END;
COMMENT ON FUNCTION steep_repl.planned_changes(text) IS
'counts, by table, the rows that a merge is about to change, and all rows';

CREATE FUNCTION steep_repl.forget_stale(p_table bigint, p_seqs bigint[])
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	DELETE FROM steep_repl.merge_rows
	WHERE table_id = p_table AND seq = ANY (p_seqs) AND state = 'stale';
	SELECT coalesce(max(seq), 0) FROM steep_repl.merge_rows
	WHERE table_id = p_table;
END;
COMMENT ON FUNCTION steep_repl.forget_stale(bigint, bigint[]) IS
'removes stale decisions that are planned again; returns the highest number that is left';

CREATE FUNCTION steep_repl.record_verify(p_table bigint, p_changed bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_tables SET changed_since = p_changed
	WHERE id = p_table;
END;
COMMENT ON FUNCTION steep_repl.record_verify(bigint, bigint) IS
'records how many merged rows of a table differed again when they were verified';

CREATE FUNCTION steep_repl.mark_reverted(p_merge_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows o SET state = 'reverted'
	FROM steep_repl.merge_tables t
	JOIN steep_repl.merge_rows r ON r.table_id = t.id
	WHERE t.merge_id = p_merge_id AND o.table_id = t.reverts AND o.seq = r.seq
		AND (r.state = 'applied' OR r.state = 'planned' AND r.round <= t.applied_round);
END;
COMMENT ON FUNCTION steep_repl.mark_reverted(text) IS
'internal: marks the decisions that a merge has undone';

CREATE FUNCTION steep_repl.merge_doubts(p_merge_id text)
RETURNS SETOF steep_repl.work_steps
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT s.*
	FROM steep_repl.work_queue q
	JOIN steep_repl.work_steps s ON s.job_id = q.id
	WHERE q.merge_id = p_merge_id AND s.in_doubt
	ORDER BY s.id;
END;
COMMENT ON FUNCTION steep_repl.merge_doubts(text) IS
'internal: steps of a merge that the peer may have committed and this node has not; the number of a step is that of its batch';

CREATE FUNCTION steep_repl.settled_batches(
	p_merge_id text, OUT merges text[], OUT batches bigint[])
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT array_agg(q.merge_id ORDER BY s.id), array_agg(s.id ORDER BY s.id)
	FROM steep_repl.merge_audit_log p
	JOIN steep_repl.merge_audit_log m ON m.merge_id = p_merge_id
		OR m.status IN ('failed', 'cancelled') AND m.peer_identity = p.peer_identity
	JOIN steep_repl.work_queue q ON q.merge_id = m.merge_id
	JOIN steep_repl.work_steps s ON s.job_id = q.id
	WHERE p.merge_id = p_merge_id AND s.settled IS NOT NULL
		AND s.attempt > 0 AND NOT s.in_doubt;
END;
COMMENT ON FUNCTION steep_repl.settled_batches(text) IS
'internal: batches of a merge, and of those with the same peer that have failed, of which no marker is needed any more; the number of a batch is that of its step';

CREATE FUNCTION steep_repl.describe_doubts(p_merge_id text, p_error text)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT concat_ws(E'\n', coalesce(p_error, 'the merge was cancelled'),
		format('DETAIL:  The peer may have applied batch %s of it, which is not applied here.',
			string_agg(d.id::text, ', ')),
		format('HINT:  steep_repl.apply_merge(%L) finds out, and finishes it here.', p_merge_id))
	FROM steep_repl.merge_doubts(p_merge_id) d
	HAVING count(*) > 0;
END;
COMMENT ON FUNCTION steep_repl.describe_doubts(text, text) IS
'internal: adds to why a merge has ended what the peer may have applied; null if nothing is in doubt';

CREATE FUNCTION steep_repl.add_settle_steps(p_job bigint, p_merge_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.work_steps (job_id, stage, seq, kind, target, params)
	SELECT p_job, 1, row_number() OVER (ORDER BY d.id), 'settle', d.target,
		d.params || jsonb_build_object('batch', d.id)
	FROM steep_repl.merge_doubts(p_merge_id) d;
END;
COMMENT ON FUNCTION steep_repl.add_settle_steps(bigint, text) IS
'internal: has a job of a merge first find out what became of steps of earlier jobs';

CREATE FUNCTION steep_repl.mark_settled(p_step bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps SET settled = attempt WHERE id = p_step AND in_doubt;
END;
COMMENT ON FUNCTION steep_repl.mark_settled(bigint) IS
'internal: what the peer has committed of this step is committed here';

CREATE FUNCTION steep_repl.mark_merge(p_merge_id text, p_status text, p_error text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT steep_repl.mark_reverted(p_merge_id)
	WHERE p_status IN ('complete', 'failed', 'cancelled') AND EXISTS
		(SELECT FROM steep_repl.merge_audit_log
		 WHERE merge_id = p_merge_id AND reverts IS NOT NULL);
	UPDATE steep_repl.merge_audit_log m
	SET status = CASE WHEN p_status = 'cancelled' AND d.doubts IS NOT NULL THEN 'failed'
			WHEN p_status <> 'complete' OR m.dry_run THEN p_status
			WHEN d.failed > 0 THEN 'failed'
			WHEN d.pending > 0 THEN 'needs_resolution'
			ELSE p_status END,
		error_message = coalesce(d.doubts, p_error, CASE WHEN p_status = 'complete' AND d.failed > 0
			THEN format('%s rows could not be written; merge_decisions says why', d.failed) END),
		started_at = coalesce(m.started_at, clock_timestamp()),
		completed_at = CASE WHEN p_status IN ('complete', 'failed', 'cancelled')
			THEN clock_timestamp() END,
		local_only_count = t.local_only_count,
		remote_only_count = t.remote_only_count,
		match_count = t.match_count,
		conflict_count = t.conflict_count,
		changed_since = t.changed_since,
		applied_local = d.applied_local,
		applied_remote = d.applied_remote,
		stale = d.stale,
		failed = d.failed,
		-- those that a person has resolved since bear his name
		ties = greatest(m.ties, d.ties),
		unknown_times = greatest(m.unknown_times, d.unknown_times)
	FROM (SELECT sum(local_only_count) AS local_only_count,
			sum(remote_only_count) AS remote_only_count,
			sum(match_count) AS match_count,
			sum(conflict_count) AS conflict_count,
			sum(changed_since) AS changed_since
		FROM steep_repl.merge_tables WHERE merge_id = p_merge_id) t,
		(SELECT count(*) FILTER (WHERE applied AND local_action IS NOT NULL) AS applied_local,
			count(*) FILTER (WHERE applied AND remote_action IS NOT NULL) AS applied_remote,
			count(*) FILTER (WHERE state = 'stale') AS stale,
			count(*) FILTER (WHERE state = 'failed') AS failed,
			count(*) FILTER (WHERE state = 'pending') AS pending,
			count(*) FILTER (WHERE resolved_by = 'last-modified: tie') AS ties,
			count(*) FILTER (WHERE resolved_by = 'last-modified: unknown') AS unknown_times,
			CASE WHEN p_status IN ('failed', 'cancelled')
				THEN steep_repl.describe_doubts(p_merge_id, p_error) END AS doubts
		FROM (SELECT e.*, e.state = 'applied' OR
					e.state = 'planned' AND e.round <= x.applied_round AS applied
			FROM steep_repl.merge_tables x
			JOIN steep_repl.merge_effects e ON e.table_id = x.id
			WHERE x.merge_id = p_merge_id) e) d
	WHERE m.merge_id = p_merge_id;
END;
COMMENT ON FUNCTION steep_repl.mark_merge(text, text, text) IS
'sets the status of a merge, and its counts from its tables and decisions';

CREATE VIEW steep_repl.merge_decisions AS
	SELECT t.merge_id, t.table_name, e.seq, e.round, e.key, e.category,
		e.resolution, e.resolved_by,
		CASE WHEN e.state = 'planned' AND e.round <= t.applied_round
			THEN 'applied' ELSE e.state END AS state,
		steep_repl.row_image(t.columns, e.local_image) AS local_row,
		steep_repl.row_image(t.columns, e.remote_image) AS remote_row,
		steep_repl.row_image(t.columns, e.local_after) AS local_after,
		steep_repl.row_image(t.columns, e.remote_after) AS remote_after,
		e.local_digest, e.remote_digest, e.error_message
	FROM steep_repl.merge_tables t
	JOIN steep_repl.merge_effects e ON e.table_id = t.id;
COMMENT ON VIEW steep_repl.merge_decisions IS 'one row each row that differed, with both sides as they were, what was decided and what that makes of both';
COMMENT ON COLUMN steep_repl.merge_decisions.resolution IS 'whose row wins; a row on one side only wins';
COMMENT ON COLUMN steep_repl.merge_decisions.round IS '1, or more if the row moved and was planned again';
COMMENT ON COLUMN steep_repl.merge_decisions.local_after IS 'what the row is to become on this node; null if it goes';
COMMENT ON COLUMN steep_repl.merge_decisions.remote_after IS 'what the row is to become on the peer; null if it goes';

CREATE FUNCTION steep_repl.find_merge(
	p_merge_id text, p_role oid,
	OUT may boolean, OUT job bigint, OUT busy boolean, OUT status text,
	OUT planned boolean, OUT changes boolean, OUT applied boolean, OUT round int,
	OUT server text, OUT conninfo text, OUT peer_identity text, OUT options jsonb,
	OUT doubt boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT steep_repl.may_manage(p_role, m.owner),
		(SELECT max(q.id) FROM steep_repl.work_queue q WHERE q.merge_id = m.merge_id),
		EXISTS (SELECT FROM steep_repl.work_queue q
			JOIN steep_repl.merge_audit_log o ON o.merge_id = q.merge_id
			WHERE q.status IN ('pending', 'running')
				AND m.merge_id IN (o.merge_id, o.reverts)),
		m.status,
		NOT EXISTS (SELECT FROM steep_repl.merge_tables t
			WHERE t.merge_id = m.merge_id AND t.columns IS NULL),
		EXISTS (SELECT FROM steep_repl.merge_tables t
			JOIN steep_repl.merge_rows r ON r.table_id = t.id
			WHERE t.merge_id = m.merge_id AND (r.state = 'failed' OR
				r.state = 'planned' AND r.round > t.applied_round)),
		EXISTS (SELECT FROM steep_repl.merge_tables t
			JOIN steep_repl.merge_effects e ON e.table_id = t.id
			WHERE t.merge_id = m.merge_id
				AND (e.state = 'applied' OR e.state = 'planned' AND e.round <= t.applied_round)
				AND num_nonnulls(e.local_action, e.remote_action) > 0),
		-- of what was planned, the last was planned last
		(SELECT greatest(max(t.applied_round) + 1, max(r.round))
			FROM steep_repl.merge_tables t
			LEFT JOIN LATERAL (SELECT l.round FROM steep_repl.merge_rows l
				WHERE l.table_id = t.id ORDER BY l.seq DESC LIMIT 1) r ON true
			WHERE t.merge_id = m.merge_id),
		CASE WHEN NOT m.private_server THEN m.server END,
		m.conninfo, m.peer_identity, m.options,
		EXISTS (SELECT FROM steep_repl.merge_doubts(m.merge_id))
	FROM steep_repl.merge_audit_log m
	WHERE m.merge_id = p_merge_id;
END;
COMMENT ON FUNCTION steep_repl.find_merge(text, oid) IS
'internal: how a merge stands: may the role manage it, is a job at it or at undoing it, has every table a plan, is anything planned, was anything applied';

CREATE FUNCTION steep_repl.lock_merge(p_merge_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT FROM steep_repl.merge_audit_log WHERE merge_id = p_merge_id FOR UPDATE;
	SELECT NULL::void;
END;
COMMENT ON FUNCTION steep_repl.lock_merge(text) IS
'internal: keeps others from going on with a merge until the transaction ends';

CREATE FUNCTION steep_repl.reopen_merge(
	p_merge_id text, p_peer text, p_server text, p_conninfo text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows r
	SET state = 'planned', round = t.applied_round + 1, error_message = NULL
	FROM steep_repl.merge_tables t
	WHERE t.merge_id = p_merge_id AND r.table_id = t.id AND r.state = 'failed';
	UPDATE steep_repl.merge_audit_log
	SET status = 'pending', dry_run = false, completed_at = NULL, error_message = NULL,
		peer = p_peer, server = coalesce(p_server, 'steep_repl_' || p_merge_id),
		private_server = p_server IS NULL, conninfo = p_conninfo
	WHERE merge_id = p_merge_id;
END;
COMMENT ON FUNCTION steep_repl.reopen_merge(text, text, text, text) IS
'internal: what was planned is to be applied, by this way to the peer, and what has failed once more';

CREATE FUNCTION steep_repl.copy_merge_tables(p_merge_id text, p_of text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.merge_tables
		(merge_id, seq, table_name, strategy, key_columns, excluded, reverts)
	SELECT p_merge_id, t.seq, t.table_name, 'revert', t.key_columns, t.excluded, t.id
	FROM steep_repl.merge_tables t WHERE t.merge_id = p_of;
END;
COMMENT ON FUNCTION steep_repl.copy_merge_tables(text, text) IS
'internal: gives a merge the tables of the one that it undoes';

CREATE FUNCTION steep_repl.plan_revert(p_table bigint)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.merge_rows
		(table_id, seq, round, key, peer_key, category, resolution, resolved_by, state,
		 local_digest, remote_digest, local_image, remote_image,
		 local_target_digest, remote_target_digest, local_target, remote_target)
	SELECT t.id, e.seq, 1, e.key, e.peer_key, e.category, 'custom', 'revert', 'planned',
		e.local_after_digest, e.remote_after_digest, e.local_after, e.remote_after,
		e.local_digest, e.remote_digest, e.local_image, e.remote_image
	FROM steep_repl.merge_tables t
	JOIN steep_repl.merge_tables o ON o.id = t.reverts
	JOIN steep_repl.merge_effects e ON e.table_id = o.id
	WHERE t.id = p_table
		AND (e.state = 'applied' OR e.state = 'planned' AND e.round <= o.applied_round)
		AND num_nonnulls(e.local_action, e.remote_action) > 0;
	UPDATE steep_repl.merge_tables t
	SET columns = o.columns, local_only_count = c.local_only,
		remote_only_count = c.remote_only, match_count = 0, conflict_count = c.conflict
	FROM steep_repl.merge_tables o, steep_repl.count_plan(p_table) c
	WHERE t.id = p_table AND o.id = t.reverts;
	SELECT count(*) FROM steep_repl.merge_rows WHERE table_id = p_table;
END;
COMMENT ON FUNCTION steep_repl.plan_revert(bigint) IS
'internal: plans to give the rows of a table back what a merge has changed; returns how many';

CREATE FUNCTION steep_repl.find_conflict(
	p_merge_id text, p_table text, p_key jsonb,
	OUT table_id bigint, OUT seq bigint, OUT columns text[], OUT key_columns text[],
	OUT local_image text)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT t.id, r.seq, t.columns, t.key_columns, r.local_image
	FROM steep_repl.merge_tables t
	JOIN steep_repl.merge_rows r ON r.table_id = t.id
	WHERE t.merge_id = p_merge_id AND t.table_name = p_table
		AND r.category = 'conflict'
		AND (r.state = 'pending' OR r.state = 'planned' AND r.round > t.applied_round)
		AND (SELECT jsonb_object_agg(k.key, k.value) FROM jsonb_each_text(p_key) k)
			IN (r.key, r.peer_key);
END;
COMMENT ON FUNCTION steep_repl.find_conflict(text, text, jsonb) IS
'internal: finds a conflict that is not applied by its key';

CREATE FUNCTION steep_repl.record_resolution(
	p_table bigint, p_seq bigint, p_resolution text, p_by text, p_image text, p_digest bytea)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_rows r
	SET resolution = p_resolution, resolved_by = p_by, state = 'planned',
		round = t.applied_round + 1,
		local_target = p_image, remote_target = p_image,
		local_target_digest = p_digest, remote_target_digest = p_digest
	FROM steep_repl.merge_tables t
	WHERE t.id = p_table AND r.table_id = p_table AND r.seq = p_seq;
END;
COMMENT ON FUNCTION steep_repl.record_resolution(bigint, bigint, text, text, text, bytea) IS
'internal: records how a person has resolved a conflict';

CREATE FUNCTION steep_repl.give_up_merge(p_merge_id text, p_role oid)
RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.merge_audit_log
	SET status = 'cancelled', completed_at = clock_timestamp()
	WHERE merge_id = p_merge_id AND status = 'needs_resolution'
		AND steep_repl.may_manage(p_role, owner)
	RETURNING true;
END;
COMMENT ON FUNCTION steep_repl.give_up_merge(text, oid) IS
'internal: ends a merge whose conflicts wait for a decision; null if it does not wait, or the role may not';

CREATE FUNCTION steep_repl.prune_merge_records(p_role oid, p_older_than interval)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	-- of younger ones the merge may be running, on its own node
	DELETE FROM steep_repl.merge_markers
	WHERE created_at < now() - greatest(p_older_than, interval '1 day')
		AND steep_repl.is_admin(p_role);
	DELETE FROM steep_repl.merge_rows r
	USING steep_repl.merge_tables t, steep_repl.merge_audit_log m
	WHERE r.table_id = t.id AND t.merge_id = m.merge_id
		AND m.status IN ('complete', 'failed', 'cancelled')
		AND m.completed_at < now() - p_older_than
		AND steep_repl.may_manage(p_role, m.owner);
	WITH pruned AS (
		DELETE FROM steep_repl.merge_audit_log m
		WHERE m.status IN ('complete', 'failed', 'cancelled')
			AND m.completed_at < now() - p_older_than
			AND steep_repl.may_manage(p_role, m.owner)
		RETURNING 1)
	SELECT count(*) FROM pruned;
END;
COMMENT ON FUNCTION steep_repl.prune_merge_records(oid, interval) IS
'internal: forget the ended merges that a role may manage, and old markers';

CREATE FUNCTION steep_repl.leftovers()
RETURNS TABLE (kind text, name text, merge_id text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.kind, l.name, l.merge_id, l.since
	FROM (
		SELECT 'doubt', s.id::text, q.merge_id, s.started_at
		FROM steep_repl.work_steps s
		JOIN steep_repl.work_queue q ON q.id = s.job_id
		WHERE s.in_doubt AND q.status NOT IN ('pending', 'running')
		UNION ALL
		SELECT 'marker', m.batch::text, m.merge_id, m.created_at
		FROM steep_repl.merge_markers m
		WHERE m.created_at < now() - interval '1 day'
		UNION ALL
		SELECT 'snapshot', p.path, NULL, p.completed_at
		FROM steep_repl.snapshots p
		WHERE p.left_behind
		UNION ALL
		SELECT 'server', f.srvname, a.merge_id, coalesce(a.completed_at, a.started_at)
		FROM pg_catalog.pg_foreign_server f
		LEFT JOIN steep_repl.merge_audit_log a ON a.server = f.srvname AND a.private_server
		WHERE starts_with(f.srvname, 'steep_repl_merge_')
			AND coalesce(a.status, 'complete') NOT IN ('pending', 'running')
		UNION ALL
		SELECT 'slot', format('%s of node %s', p.slot_name, p.node_id), NULL, p.created_at
		FROM steep_repl.init_slots p
		WHERE p.status = 'failed'
		UNION ALL
		SELECT o.kind, format('%s of node %s', o.name, o.node_id), NULL, i.completed_at
		FROM steep_repl.init_objects o
		JOIN steep_repl.inits i ON i.init_id = o.init_id
		WHERE NOT o.kept AND i.status IN ('failed', 'cancelled')
			AND NOT EXISTS (SELECT FROM steep_repl.work_queue q
				WHERE q.init_id = i.init_id AND q.status IN ('pending', 'running'))) AS l (kind, name, merge_id, since)
	ORDER BY l.kind, l.since, l.name;
END;
COMMENT ON FUNCTION steep_repl.leftovers() IS
'lists what merges, snapshots and inits have left: "doubt", a batch of a merge that has ended, which the peer may have applied and this node has not (apply_merge finishes it); "marker", a batch that this node applied for a merge of another node more than a day ago (prune_merges forgets it); "server", the server of a merge that has ended (DROP SERVER ... CASCADE); "snapshot", the directory of half a snapshot (prune_snapshots removes it); "subscription", "slot", "publication", "table" and "rows", what an init has made on either node that has failed or was cancelled (cancel_init removes it, and so does the next start_init)';

CREATE FUNCTION steep_repl.log_position()
RETURNS pg_lsn
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_log_position';
COMMENT ON FUNCTION steep_repl.log_position() IS
'how far the log of this node goes; what is committed by now is before it, and is on disk';

CREATE FUNCTION steep_repl.start_merge(
	p_peer_connstr text,
	p_tables text[],
	p_strategy text DEFAULT 'prefer-local',
	p_dry_run boolean DEFAULT false,
	p_options jsonb DEFAULT '{}')
RETURNS steep_repl.merge_audit_log
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_start_merge';
COMMENT ON FUNCTION steep_repl.start_merge(text, text[], text, boolean, jsonb) IS
'makes the tables of two nodes equal, in both directions, in the background; a dry run only plans. Checks both nodes first. Starts at commit';

CREATE FUNCTION steep_repl.wait_merge(p_merge_id text, p_timeout_seconds int DEFAULT 86400)
RETURNS steep_repl.merge_audit_log
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_wait_merge';
COMMENT ON FUNCTION steep_repl.wait_merge(text, int) IS
'waits until a merge has ended and returns its row; raises if that takes longer than the seconds given';

CREATE FUNCTION steep_repl.list_merges(p_limit int DEFAULT 100)
RETURNS SETOF steep_repl.merge_audit_log
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_list_merges';
COMMENT ON FUNCTION steep_repl.list_merges(int) IS
'the newest merges: those that one may cancel and revert';

CREATE FUNCTION steep_repl.merge_summary(p_merge_id text)
RETURNS TABLE (table_name text, category text, resolution text, state text, count bigint)
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_merge_summary';
COMMENT ON FUNCTION steep_repl.merge_summary(text) IS
'counts the decisions of a merge by table, category, resolution and state';

CREATE FUNCTION steep_repl.merge_sql(p_merge_id text)
RETURNS TABLE (seq int, runs_on text, purpose text, statement text)
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_merge_sql';
COMMENT ON FUNCTION steep_repl.merge_sql(text) IS
'prints the statements that apply a planned merge, on which node, and why';

CREATE FUNCTION steep_repl.merge_conflicts(p_merge_id text)
RETURNS SETOF steep_repl.merge_decisions
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_merge_conflicts';
COMMENT ON FUNCTION steep_repl.merge_conflicts(text) IS
'lists the conflicts of a merge that wait for a decision, in the order of their keys';

CREATE FUNCTION steep_repl.resolve_conflict(
	p_merge_id text, p_table text, p_key jsonb, p_resolution text, p_row jsonb DEFAULT NULL)
RETURNS steep_repl.merge_decisions
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_resolve_conflict';
COMMENT ON FUNCTION steep_repl.resolve_conflict(text, text, jsonb, text, jsonb) IS
'decides a conflict that is not applied: local, remote, skip, or custom with the row that both nodes get, as an object of column values; columns it lacks are as on this node';

CREATE FUNCTION steep_repl.apply_merge(p_merge_id text, p_peer_connstr text DEFAULT NULL)
RETURNS steep_repl.merge_audit_log
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_apply_merge';
COMMENT ON FUNCTION steep_repl.apply_merge(text, text) IS
'applies what a merge has planned: a dry run, or a merge whose conflicts are resolved. Rows that moved since are left alone and marked stale. Needs the peer''s connection if that has a password. Starts at commit';

CREATE FUNCTION steep_repl.revert_merge(p_merge_id text, p_peer_connstr text DEFAULT NULL)
RETURNS steep_repl.merge_audit_log
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_revert_merge';
COMMENT ON FUNCTION steep_repl.revert_merge(text, text) IS
'starts a merge that gives rows back what another merge has changed, on both nodes, where they are still as it left them; rows it copied are deleted. Needs the peer''s connection if that has a password. Starts at commit';

CREATE FUNCTION steep_repl.prune_merges(p_older_than interval)
RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_prune_merges';
COMMENT ON FUNCTION steep_repl.prune_merges(interval) IS
'forgets the merges that ended longer ago than this, with their decisions; returns how many. They cannot be reverted any more. Those whose conflicts wait have not ended';

----------------------------------------------------------------------------
-- Snapshots
----------------------------------------------------------------------------

-- Book-keeping of snapshots, written or applied; called as the owner of these
-- tables.

CREATE FUNCTION steep_repl.new_snapshot(
	p_kind text, p_path text, p_compression text, p_parallel int, p_verify boolean,
	p_options jsonb, p_owner oid)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.snapshots
		(snapshot_id, kind, path, compression, parallel, verify, options, requested_by, owner)
	VALUES ('snap_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISS') ||
			'_' || left(gen_random_uuid()::text, 8),
		p_kind, p_path, p_compression, p_parallel, p_verify, p_options,
		pg_get_userbyid(p_owner), p_owner)
	RETURNING snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.new_snapshot(text, text, text, int, boolean, jsonb, oid) IS
'internal: records a snapshot that is to be written or applied, and names it';

CREATE FUNCTION steep_repl.find_snapshot(
	p_snapshot_id text, p_role oid, OUT may boolean, OUT job bigint, OUT status text)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT steep_repl.may_manage(p_role, s.owner),
		(SELECT max(q.id) FROM steep_repl.work_queue q WHERE q.snapshot_id = s.snapshot_id),
		s.status
	FROM steep_repl.snapshots s
	WHERE s.snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.find_snapshot(text, oid) IS
'internal: how a snapshot stands: may the role manage it, and which job is or was at it';

CREATE FUNCTION steep_repl.mark_snapshot(
	p_snapshot_id text, p_status text, p_error text, p_left_behind boolean)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshots
	SET status = p_status, error_message = p_error, left_behind = p_left_behind,
		started_at = coalesce(started_at, clock_timestamp()),
		completed_at = CASE WHEN p_status IN ('complete', 'failed', 'cancelled')
			THEN clock_timestamp() END
	WHERE snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.mark_snapshot(text, text, text, boolean) IS
'internal: sets the status of a snapshot';

CREATE FUNCTION steep_repl.mark_directory(p_snapshot_id text, p_made boolean)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshots SET directory_made = p_made WHERE snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.mark_directory(text, boolean) IS
'internal: records whether the directory of a snapshot is ours';

CREATE FUNCTION steep_repl.add_snapshot_tables(p_snapshot_id text, p_tables jsonb)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.snapshot_tables
		(snapshot_id, number, relid, schema_name, table_name, columns, types, fingerprint, digest)
	SELECT p_snapshot_id, t.number, t.relid, t.schema_name, t.table_name,
		t.columns::text[], t.types::text[], t.fingerprint, t.digest
	FROM jsonb_to_recordset(p_tables) AS t(number int, relid oid, schema_name text, table_name text,
		columns text, types text, fingerprint text, digest text);
	SELECT jsonb_array_length(p_tables);
END;
COMMENT ON FUNCTION steep_repl.add_snapshot_tables(text, jsonb) IS
'internal: adds tables to a snapshot';

CREATE FUNCTION steep_repl.add_snapshot_chunks(p_snapshot_id text, p_chunks jsonb)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.snapshot_chunks
		(snapshot_id, number, chunk, part, first_block, last_block, rows, bytes, file_bytes, sha256)
	SELECT p_snapshot_id, c.number, c.chunk, c.part, c.first_block, c.last_block,
		c.rows, c.bytes, c.file_bytes, c.sha256
	FROM jsonb_to_recordset(p_chunks) AS c(number int, chunk int, part int, first_block bigint,
		last_block bigint, rows bigint, bytes bigint, file_bytes bigint, sha256 text);
	SELECT jsonb_array_length(p_chunks);
END;
COMMENT ON FUNCTION steep_repl.add_snapshot_chunks(text, jsonb) IS
'internal: adds parts of tables to a snapshot: to be written, or with what the manifest says of their files';

CREATE FUNCTION steep_repl.record_chunks(p_snapshot_id text, p_chunks jsonb)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_chunks c
	SET done = true, rows = f.rows, bytes = f.bytes, file_bytes = f.file_bytes,
		sha256 = f.sha256, digest = f.digest
	FROM jsonb_to_recordset(p_chunks) AS f(number int, chunk int, rows bigint, bytes bigint,
		file_bytes bigint, sha256 text, digest text)
	WHERE c.snapshot_id = p_snapshot_id AND c.number = f.number AND c.chunk = f.chunk;
	-- of two that end at once, one sees the other
	SELECT FROM steep_repl.snapshot_tables
	WHERE snapshot_id = p_snapshot_id
		AND number IN (SELECT f.number FROM jsonb_to_recordset(p_chunks) AS f(number int))
	ORDER BY number FOR NO KEY UPDATE;
	SELECT count(DISTINCT f.number) FROM jsonb_to_recordset(p_chunks) AS f(number int)
	WHERE NOT EXISTS (SELECT FROM steep_repl.snapshot_chunks c
		WHERE c.snapshot_id = p_snapshot_id AND c.number = f.number AND NOT c.done);
END;
COMMENT ON FUNCTION steep_repl.record_chunks(text, jsonb) IS
'internal: records the files of parts of tables; of how many tables are these the last?';

CREATE FUNCTION steep_repl.record_snapshot_facts(p_snapshot_id text, p_lsn pg_lsn, p_facts jsonb)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshots SET lsn = p_lsn, facts = p_facts WHERE snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.record_snapshot_facts(text, pg_lsn, jsonb) IS
'internal: records what holds for a snapshot as a whole';

CREATE FUNCTION steep_repl.record_snapshot_totals(p_snapshot_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_tables t
	SET rows = (SELECT coalesce(sum(c.rows), 0) FROM steep_repl.snapshot_chunks c
		WHERE c.snapshot_id = p_snapshot_id AND c.number = t.number)
	WHERE t.snapshot_id = p_snapshot_id;
	UPDATE steep_repl.snapshots s
	SET tables = (SELECT count(*) FROM steep_repl.snapshot_tables t
			WHERE t.snapshot_id = p_snapshot_id),
		(rows, bytes, file_bytes) = (
			SELECT coalesce(sum(c.rows), 0), coalesce(sum(c.bytes), 0), coalesce(sum(c.file_bytes), 0)
			FROM steep_repl.snapshot_chunks c WHERE c.snapshot_id = p_snapshot_id)
	WHERE s.snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.record_snapshot_totals(text) IS
'internal: sums up what is in the files of a snapshot';

CREATE FUNCTION steep_repl.record_table_digests(p_snapshot_id text, p_tables jsonb)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_tables t SET digest = d.digest
	FROM jsonb_to_recordset(p_tables) AS d(number int, digest text)
	WHERE t.snapshot_id = p_snapshot_id AND t.number = d.number;
	SELECT jsonb_array_length(p_tables);
END;
COMMENT ON FUNCTION steep_repl.record_table_digests(text, jsonb) IS
'internal: records the sums of the digests of tables'' rows';

CREATE FUNCTION steep_repl.record_source(p_snapshot_id text, p_source text, p_lsn pg_lsn, p_sha256 text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshots
	SET source = p_source, lsn = p_lsn, facts = jsonb_build_object('manifest_sha256', p_sha256)
	WHERE snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.record_source(text, text, pg_lsn, text) IS
'internal: records which snapshot is applied';

CREATE FUNCTION steep_repl.apply_conflict(
	p_snapshot_id text, OUT schema_name text, OUT table_name text, OUT other text)
RETURNS SETOF record
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	-- of two that come at once, the second sees what the first has recorded
	SELECT pg_advisory_xact_lock(hashtext('steep_repl.apply_conflict'));
	SELECT t.schema_name, t.table_name, s.snapshot_id
	FROM steep_repl.snapshot_tables t
	JOIN steep_repl.snapshot_tables o USING (schema_name, table_name)
	JOIN steep_repl.snapshots s ON s.snapshot_id = o.snapshot_id
	JOIN steep_repl.work_queue q ON q.snapshot_id = o.snapshot_id
	WHERE t.snapshot_id = p_snapshot_id AND s.snapshot_id <> p_snapshot_id
		AND s.kind = 'apply' AND q.status IN ('pending', 'running')
	ORDER BY t.number LIMIT 1;
END;
COMMENT ON FUNCTION steep_repl.apply_conflict(text) IS
'internal: a table that another snapshot is being loaded into; no other can begin with one until the transaction ends';

CREATE FUNCTION steep_repl.mark_created(p_snapshot_id text, p_number int)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_tables SET created = true
	WHERE snapshot_id = p_snapshot_id AND number = p_number;
END;
COMMENT ON FUNCTION steep_repl.mark_created(text, int) IS
'internal: records that a table was created for a snapshot';

CREATE FUNCTION steep_repl.record_weight(
	p_snapshot_id text, p_number int, p_rows bigint, p_digest text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_tables SET rows_before = p_rows, digest_before = p_digest
	WHERE snapshot_id = p_snapshot_id AND number = p_number;
END;
COMMENT ON FUNCTION steep_repl.record_weight(text, int, bigint, text) IS
'internal: records the rows that a table had before a snapshot was loaded';

CREATE FUNCTION steep_repl.record_found(
	p_snapshot_id text, p_number int, p_rows bigint, p_digest text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_tables
	SET rows_found = coalesce(rows_found, 0) + p_rows, digests_found = digests_found || p_digest
	WHERE snapshot_id = p_snapshot_id AND number = p_number;
END;
COMMENT ON FUNCTION steep_repl.record_found(text, int, bigint, text) IS
'internal: records the rows that a part of a loaded table has';

CREATE FUNCTION steep_repl.record_loaded(p_snapshot_id text, p_number int, p_chunk int)
RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshot_chunks SET done = true
	WHERE snapshot_id = p_snapshot_id AND number = p_number AND chunk = p_chunk;
	-- of two that end at once, one sees the other
	SELECT FROM steep_repl.snapshot_tables
	WHERE snapshot_id = p_snapshot_id AND number = p_number FOR NO KEY UPDATE;
	SELECT NOT EXISTS (SELECT FROM steep_repl.snapshot_chunks
		WHERE snapshot_id = p_snapshot_id AND number = p_number AND NOT done);
END;
COMMENT ON FUNCTION steep_repl.record_loaded(text, int, int) IS
'internal: records that a file is loaded; is that the last of the table?';

CREATE FUNCTION steep_repl.forget_snapshot_work(p_snapshot_id text, p_job bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshots SET directory_made = false WHERE snapshot_id = p_snapshot_id;
	DELETE FROM steep_repl.snapshot_tables WHERE snapshot_id = p_snapshot_id;
	DELETE FROM steep_repl.work_steps WHERE job_id = p_job AND kind NOT IN ('directory', 'plan');
	UPDATE steep_repl.work_steps
	SET status = 'pending', attempt = 0, helper = NULL, next_attempt_at = '-infinity'
	WHERE job_id = p_job;
END;
COMMENT ON FUNCTION steep_repl.forget_snapshot_work(text, bigint) IS
'internal: forgets what a job has written of a snapshot, before it starts over';

CREATE FUNCTION steep_repl.left_snapshots(p_role oid)
RETURNS SETOF text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT snapshot_id FROM steep_repl.snapshots
	WHERE left_behind AND steep_repl.may_manage(p_role, owner)
	ORDER BY snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.left_snapshots(oid) IS
'internal: the snapshots of which half is still there, that a role may manage';

CREATE FUNCTION steep_repl.prune_snapshot_records(p_role oid, p_older_than interval)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	WITH pruned AS (
		DELETE FROM steep_repl.snapshots
		WHERE status IN ('complete', 'failed', 'cancelled') AND NOT left_behind
			AND completed_at < now() - p_older_than
			AND steep_repl.may_manage(p_role, owner)
		RETURNING 1)
	SELECT count(*) FROM pruned;
END;
COMMENT ON FUNCTION steep_repl.prune_snapshot_records(oid, interval) IS
'internal: forget the ended snapshots that a role may manage';

CREATE FUNCTION steep_repl.start_snapshot(
	p_output_path text,
	p_compression text DEFAULT 'none',
	p_parallel int DEFAULT 4,
	p_options jsonb DEFAULT '{}')
RETURNS steep_repl.snapshots
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_start_snapshot';
COMMENT ON FUNCTION steep_repl.start_snapshot(text, text, int, jsonb) IS
'writes tables as they are at one moment to the files of a new directory, in the background; compression none, gzip, lz4 or zstd, with a level as in zstd:3; option tables: an array as of analyze_overlap. Starts at commit';

CREATE FUNCTION steep_repl.start_apply(
	p_input_path text,
	p_parallel int DEFAULT 4,
	p_verify boolean DEFAULT true,
	p_options jsonb DEFAULT '{}')
RETURNS steep_repl.snapshots
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_start_apply';
COMMENT ON FUNCTION steep_repl.start_apply(text, int, boolean, jsonb) IS
'loads a snapshot into this database, in the background: verifies its files, creates what is missing, loads, builds indexes, compares digests; options force: tables may have rows, to which others are added; tables: an array of those to load. Its schema files run as the role that starts it: apply only what you trust. Starts at commit';

CREATE FUNCTION steep_repl.verify_snapshot(p_input_path text)
RETURNS TABLE (file text, problem text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_verify_snapshot';
COMMENT ON FUNCTION steep_repl.verify_snapshot(text) IS
'reads a snapshot through and lists what is wrong with its files; no row: it is sound';

CREATE FUNCTION steep_repl.wait_snapshot(p_snapshot_id text, p_timeout_seconds int DEFAULT 86400)
RETURNS steep_repl.snapshots
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_wait_snapshot';
COMMENT ON FUNCTION steep_repl.wait_snapshot(text, int) IS
'waits until a snapshot has been written or applied and returns its row; raises if that takes longer than the seconds given';

CREATE FUNCTION steep_repl.list_snapshots(p_limit int DEFAULT 100)
RETURNS SETOF steep_repl.snapshots
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_list_snapshots';
COMMENT ON FUNCTION steep_repl.list_snapshots(int) IS
'the newest snapshots that were written or applied: those that one may cancel';

CREATE FUNCTION steep_repl.prune_snapshots(p_older_than interval)
RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'steep_repl_prune_snapshots';
COMMENT ON FUNCTION steep_repl.prune_snapshots(interval) IS
'removes what is left of half snapshots, and forgets the snapshots that ended longer ago than this; returns how many. Whole snapshots stay where they are';

CREATE FUNCTION steep_repl.slot_snapshots(
	p_slot_name text, p_role oid, OUT snapshot_id text, OUT runs boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT s.snapshot_id, s.status IN ('pending', 'running')
	FROM steep_repl.snapshots s
	WHERE s.kind = 'generate' AND s.options ->> 'slot' = p_slot_name
		AND (s.directory_made OR s.status IN ('pending', 'running'))
		AND steep_repl.may_manage(p_role, s.owner)
	ORDER BY s.snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.slot_snapshots(text, oid) IS
'internal: snapshots that were written for a replication slot, and are there, and that a role may manage';

CREATE FUNCTION steep_repl.mark_discarded(p_snapshot_id text, p_left_behind boolean)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.snapshots SET directory_made = p_left_behind, left_behind = p_left_behind
	WHERE snapshot_id = p_snapshot_id;
END;
COMMENT ON FUNCTION steep_repl.mark_discarded(text, boolean) IS
'internal: records that the files of a snapshot are removed';

CREATE FUNCTION steep_repl.discard_snapshots(p_slot_name text)
RETURNS int
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'steep_repl_discard_snapshots';
COMMENT ON FUNCTION steep_repl.discard_snapshots(text) IS
'removes the files that were written for a replication slot (option "slot" of start_snapshot), once its job has ended; cancels one that has not. Returns how many of these remain: call it again until that is 0';

----------------------------------------------------------------------------
-- Init
----------------------------------------------------------------------------

-- Book-keeping of inits; called as the owner of these tables.

CREATE FUNCTION steep_repl.new_init(
	p_kind text, p_node_id text, p_source text, p_method text, p_options jsonb, p_tables text[],
	p_publication text, p_slot text, p_subscription text, p_owner oid)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.inits
		(init_id, kind, node_id, source, method, options, tables, publication, slot, subscription,
		 requested_by, owner)
	VALUES ('init_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MISS') ||
			'_' || left(gen_random_uuid()::text, 8),
		p_kind, p_node_id, p_source, p_method, p_options, p_tables, p_publication, p_slot,
		p_subscription, pg_get_userbyid(p_owner), p_owner)
	RETURNING init_id;
END;
COMMENT ON FUNCTION steep_repl.new_init(text, text, text, text, jsonb, text[], text, text, text, oid) IS
'internal: records an init, and names it';

CREATE FUNCTION steep_repl.lock_init(
	p_node_id text, p_role oid,
	OUT may boolean, OUT init_state text, OUT init_id text, OUT job bigint, OUT operation text,
	OUT job_runs boolean)
RETURNS SETOF record
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT i.owner IS NULL OR steep_repl.may_manage(p_role, i.owner),
		n.init_state, i.init_id, j.id, j.operation, coalesce(j.status IN ('pending', 'running'), false)
	FROM steep_repl.nodes n
	LEFT JOIN steep_repl.inits i ON i.init_id = n.init_id
	LEFT JOIN LATERAL (SELECT q.id, q.operation, q.status
		FROM steep_repl.work_queue q
		WHERE q.init_id = i.init_id
		ORDER BY q.id DESC LIMIT 1) j ON true
	WHERE n.node_id = p_node_id
	FOR UPDATE OF n;
END;
COMMENT ON FUNCTION steep_repl.lock_init(text, oid) IS
'internal: keeps others from initialising a node; says how it and its last init stand, and whether the role may manage that';

CREATE FUNCTION steep_repl.find_synchronized_init(p_node_id text, OUT init_id text)
RETURNS SETOF text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT i.init_id
	FROM steep_repl.inits i
	WHERE i.node_id = p_node_id AND i.kind = 'init' AND i.status = 'complete'
	ORDER BY i.created_at DESC, i.init_id DESC LIMIT 1;
END;
COMMENT ON FUNCTION steep_repl.find_synchronized_init(text) IS
'internal: the init by which a node follows another';

CREATE FUNCTION steep_repl.find_init_job(
	p_node_id text, p_role oid, p_after bigint, OUT may boolean, OUT job bigint)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT i.owner IS NULL OR steep_repl.may_manage(p_role, i.owner),
		(SELECT max(q.id) FROM steep_repl.work_queue q
		 WHERE q.init_id = i.init_id AND q.id > p_after)
	FROM steep_repl.nodes n
	LEFT JOIN steep_repl.inits i ON i.init_id = n.init_id
	WHERE n.node_id = p_node_id;
END;
COMMENT ON FUNCTION steep_repl.find_init_job(text, oid, bigint) IS
'internal: the last job of a node''s init, if it is later than another, and whether the role may know of it';

CREATE FUNCTION steep_repl.move_node(
	p_node_id text, p_from text, p_to text, p_init_id text, p_error text)
RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.nodes
	SET init_state = p_to, init_error = p_error, init_id = coalesce(p_init_id, init_id),
		init_changed_at = clock_timestamp()
	WHERE node_id = p_node_id AND init_state = p_from
	RETURNING true;
END;
COMMENT ON FUNCTION steep_repl.move_node(text, text, text, text, text) IS
'internal: moves a node from one init_state to another; null if it is not in the first';

CREATE FUNCTION steep_repl.mark_init(p_init_id text, p_status text, p_error text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.init_objects SET kept = true
	WHERE p_status = 'complete' AND init_id = p_init_id;
	UPDATE steep_repl.inits
	SET status = p_status, error_message = p_error,
		started_at = coalesce(started_at, clock_timestamp()),
		completed_at = CASE WHEN p_status IN ('complete', 'failed', 'cancelled')
			THEN clock_timestamp() END,
		rows = t.rows, bytes = t.bytes
	FROM (SELECT sum(w.rows) AS rows, sum(w.bytes) AS bytes
		FROM steep_repl.work_queue q
		JOIN steep_repl.work_steps w ON w.job_id = q.id
		WHERE q.init_id = p_init_id AND w.status = 'complete') t
	WHERE init_id = p_init_id;
END;
COMMENT ON FUNCTION steep_repl.mark_init(text, text, text) IS
'internal: sets the status of an init; what a complete one has made is kept';

CREATE FUNCTION steep_repl.record_init_lsn(p_init_id text, p_lsn pg_lsn)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.inits SET lsn = p_lsn WHERE init_id = p_init_id;
END;
COMMENT ON FUNCTION steep_repl.record_init_lsn(text, pg_lsn) IS
'internal: records where the slot of an init starts';

CREATE FUNCTION steep_repl.record_init_snapshot(p_init_id text, p_snapshot_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.inits SET snapshot_id = p_snapshot_id WHERE init_id = p_init_id;
END;
COMMENT ON FUNCTION steep_repl.record_init_snapshot(text, text) IS
'internal: records which snapshot the source has written for an init';

CREATE FUNCTION steep_repl.record_init_merge(p_init_id text, p_merge_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.inits SET merge_id = p_merge_id WHERE init_id = p_init_id;
END;
COMMENT ON FUNCTION steep_repl.record_init_merge(text, text) IS
'internal: records the merge that an init waits for';

CREATE FUNCTION steep_repl.init_merge(
	p_init_id text, OUT merge_id text, OUT status text, OUT error text, OUT planned boolean,
	OUT unsettled bigint, OUT job bigint)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT m.merge_id, m.status, m.error_message,
		q.id IS NULL OR NOT EXISTS
			(SELECT FROM steep_repl.work_steps s
			 WHERE s.job_id = q.id AND s.kind = 'plan' AND s.status <> 'complete'),
		m.stale + m.failed, q.id
	FROM steep_repl.inits i
	JOIN steep_repl.merge_audit_log m ON m.merge_id = i.merge_id
	LEFT JOIN steep_repl.work_queue q
		ON q.merge_id = m.merge_id AND q.status IN ('pending', 'running')
	WHERE i.init_id = p_init_id;
END;
COMMENT ON FUNCTION steep_repl.init_merge(text) IS
'internal: how the merge stands that an init waits for; unsettled: rows that it could not write; job: null once it has ended';

CREATE FUNCTION steep_repl.forget_init_merge(p_job bigint, p_init_id text)
RETURNS bigint
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET status = 'pending', attempt = 0, helper = NULL, next_attempt_at = '-infinity'
	WHERE job_id = p_job AND kind IN ('hold_slots', 'merge') AND EXISTS
		(SELECT FROM steep_repl.work_steps h
		 WHERE h.job_id = p_job AND h.kind = 'hold_slots' AND h.status <> 'complete');
	WITH lost AS
		(SELECT i.init_id, i.merge_id
		 FROM steep_repl.work_steps h, steep_repl.inits i
		 WHERE h.job_id = p_job AND h.kind = 'hold_slots' AND h.status <> 'complete'
			AND i.init_id = p_init_id),
	forgotten AS
		(UPDATE steep_repl.inits i SET merge_id = NULL FROM lost WHERE i.init_id = lost.init_id)
	SELECT q.id
	FROM lost
	JOIN steep_repl.work_queue q
		ON q.merge_id = lost.merge_id AND q.status IN ('pending', 'running');
END;
COMMENT ON FUNCTION steep_repl.forget_init_merge(bigint, text) IS
'internal: forgets the merge of an init whose snapshots are lost, before it makes new slots; returns the job that is to be ended';

CREATE FUNCTION steep_repl.add_init_object(p_init_id text, p_node_id text, p_kind text, p_name text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.init_objects (init_id, node_id, kind, name)
	SELECT p_init_id, p_node_id, p_kind, p_name
	WHERE NOT EXISTS
		(SELECT FROM steep_repl.init_objects o
		 WHERE o.init_id = p_init_id AND o.node_id = p_node_id AND o.kind = p_kind AND o.name = p_name);
END;
COMMENT ON FUNCTION steep_repl.add_init_object(text, text, text, text) IS
'internal: records what an init is about to make';

CREATE FUNCTION steep_repl.left_objects(
	p_node_id text, p_except text, OUT id bigint, OUT node_id text, OUT kind text, OUT name text)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT o.id, o.node_id, o.kind, o.name
	FROM steep_repl.inits i
	JOIN steep_repl.init_objects o ON o.init_id = i.init_id
	WHERE i.node_id = p_node_id AND i.init_id IS DISTINCT FROM p_except AND NOT o.kept
	ORDER BY o.id DESC;
END;
COMMENT ON FUNCTION steep_repl.left_objects(text, text) IS
'internal: what inits of a node, but for one, have made that have not become complete';

CREATE FUNCTION steep_repl.forget_init_object(p_id bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	DELETE FROM steep_repl.init_objects WHERE id = p_id;
END;
COMMENT ON FUNCTION steep_repl.forget_init_object(bigint) IS
'internal: it is removed, or never came to be';

CREATE FUNCTION steep_repl.enqueue_clean(p_init_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT steep_repl.enqueue_step(j.id, 1, 1, 'clean', i.node_id, '{}', 1, false),
		steep_repl.enqueue_step(j.id, 2, 1, 'clean_source', i.source, '{}', 1, false)
	FROM steep_repl.inits i,
		LATERAL steep_repl.enqueue_job('init_clean', NULL, NULL, '{}', i.owner,
			pg_get_userbyid(i.owner), 1, 3, i.init_id) AS j (id)
	WHERE i.init_id = p_init_id;
END;
COMMENT ON FUNCTION steep_repl.enqueue_clean(text) IS
'internal: submits a job that removes what a cancelled init has made';

CREATE FUNCTION steep_repl.forget_copy(p_job bigint)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.work_steps
	SET status = 'pending', attempt = 0, helper = NULL, next_attempt_at = '-infinity', params = '{"again": true}'
	WHERE job_id = p_job AND kind = 'plan' AND EXISTS
		(SELECT FROM steep_repl.work_steps h
		 WHERE h.job_id = p_job AND h.kind = 'hold' AND h.status <> 'complete');
	DELETE FROM steep_repl.work_steps
	WHERE job_id = p_job AND kind IN ('hold', 'load') AND EXISTS
		(SELECT FROM steep_repl.work_steps p
		 WHERE p.job_id = p_job AND p.kind = 'plan' AND p.status = 'pending');
END;
COMMENT ON FUNCTION steep_repl.forget_copy(bigint) IS
'internal: forgets how a job copies from a source whose snapshot is lost, before it starts that over';

CREATE FUNCTION steep_repl.start_init(
	p_target_node text,
	p_source_node text,
	p_method text DEFAULT 'snapshot',
	p_options jsonb DEFAULT '{}')
RETURNS steep_repl.nodes
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_start_init';
COMMENT ON FUNCTION steep_repl.start_init(text, text, text, jsonb) IS
'makes this node a copy of another that follows it by logical replication, in the background. Checks both nodes first. Methods: snapshot (the subscription copies), direct (parallel copy over the wire), two-phase (by snapshot files), manual (as prepare_init), bidirectional-merge (both have rows). Starts at commit';

CREATE FUNCTION steep_repl.subscribe_node(
	p_node text, p_subscription text, p_slot text, p_publication text)
RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_subscribe_node';
COMMENT ON FUNCTION steep_repl.subscribe_node(text, text, text, text) IS
'makes a subscription of this node to another one that is registered here, from a slot and a publication that exist there: no rows are copied, and only what was written there is sent (PostgreSQL 16 or later). Does nothing if it is there already';

CREATE FUNCTION steep_repl.unsubscribe_node(p_subscription text)
RETURNS boolean
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_unsubscribe_node';
COMMENT ON FUNCTION steep_repl.unsubscribe_node(text) IS
'drops a subscription and leaves its slot alone, so the other node need not be in reach; false if there is none';

CREATE FUNCTION steep_repl.start_reinit(p_node_id text, p_scope jsonb)
RETURNS steep_repl.nodes
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_start_reinit';
COMMENT ON FUNCTION steep_repl.start_reinit(text, jsonb) IS
'has the subscription of this node copy some of its tables again, while the source is written to: {"tables": ["schema.table", ...]}, {"schema": "name"} or {"full": true}. Empties these tables and no others. Starts at commit';

CREATE FUNCTION steep_repl.new_slot(p_params jsonb, p_owner oid)
RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	INSERT INTO steep_repl.init_slots AS s
		(slot_name, node_id, publication, published, tables, created_by, owner)
	VALUES (p_params ->> 'slot', p_params ->> 'node', p_params ->> 'publication',
		(p_params ->> 'published')::boolean,
		ARRAY(SELECT jsonb_array_elements_text(p_params -> 'tables')),
		pg_get_userbyid(p_owner), p_owner)
	ON CONFLICT (slot_name) DO UPDATE
	SET node_id = excluded.node_id, status = 'preparing', lsn = NULL, snapshot_name = NULL,
		publication = excluded.publication, published = excluded.published,
		tables = excluded.tables, init_id = NULL, created_by = excluded.created_by,
		owner = excluded.owner, created_at = now(), used_at = NULL, error_message = NULL
	WHERE s.status IN ('used', 'dropped')
	RETURNING slot_name;
END;
COMMENT ON FUNCTION steep_repl.new_slot(jsonb, oid) IS
'internal: records a slot that is about to be prepared; null if another one of that name is';

CREATE FUNCTION steep_repl.find_slot(
	p_slot_name text, p_role oid,
	OUT node_id text, OUT status text, OUT publication text, OUT published boolean, OUT tables text[],
	OUT error_message text, OUT may boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT s.node_id, s.status, s.publication, s.published, s.tables, s.error_message,
		steep_repl.may_manage(p_role, s.owner)
	FROM steep_repl.init_slots s
	WHERE s.slot_name = p_slot_name;
END;
COMMENT ON FUNCTION steep_repl.find_slot(text, oid) IS
'internal: how a prepared slot stands, and whether a role may manage it';

CREATE FUNCTION steep_repl.node_slots(p_node_id text, OUT slot_name text)
RETURNS SETOF text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT s.slot_name FROM steep_repl.init_slots s
	WHERE s.node_id = p_node_id AND s.status IN ('preparing', 'prepared', 'failed')
	ORDER BY s.slot_name;
END;
COMMENT ON FUNCTION steep_repl.node_slots(text) IS
'internal: slots that are prepared on a node, and not used';

CREATE FUNCTION steep_repl.slot_prepared(p_slot_name text, p_lsn pg_lsn, p_snapshot_name text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.init_slots
	SET status = 'prepared', lsn = p_lsn, snapshot_name = p_snapshot_name
	WHERE slot_name = p_slot_name;
END;
COMMENT ON FUNCTION steep_repl.slot_prepared(text, pg_lsn, text) IS
'internal: records that a slot is there, and which snapshot fits it';

CREATE FUNCTION steep_repl.slot_released(p_slot_name text, p_error text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.init_slots
	SET snapshot_name = NULL,
		status = CASE WHEN status = 'preparing' AND p_error IS NOT NULL THEN 'failed' ELSE status END,
		error_message = CASE WHEN status = 'preparing' THEN p_error ELSE error_message END
	WHERE slot_name = p_slot_name;
END;
COMMENT ON FUNCTION steep_repl.slot_released(text, text) IS
'internal: records that the snapshot of a slot is not held any more; with an error, that the slot could not be prepared';

CREATE FUNCTION steep_repl.end_slot(p_slot_name text, p_status text, p_init_id text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	UPDATE steep_repl.init_slots
	SET status = p_status, init_id = p_init_id, used_at = now()
	WHERE slot_name = p_slot_name;
END;
COMMENT ON FUNCTION steep_repl.end_slot(text, text, text) IS
'internal: records what became of a prepared slot';

CREATE FUNCTION steep_repl.adopt_slot(p_node_id text, p_slot_name text, p_publication text)
RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	DELETE FROM steep_repl.init_objects
	WHERE node_id = p_node_id AND NOT kept
		AND (kind, name) IN (('slot', p_slot_name), ('publication', p_publication));
END;
COMMENT ON FUNCTION steep_repl.adopt_slot(text, text, text) IS
'internal: keeps the next init from removing a slot that a failed one has not used';

CREATE FUNCTION steep_repl.prepare_init(
	p_node_id text,
	p_slot_name text DEFAULT NULL,
	p_options jsonb DEFAULT '{}')
RETURNS steep_repl.init_slots
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_prepare_init';
COMMENT ON FUNCTION steep_repl.prepare_init(text, text, jsonb) IS
'publishes tables of a node and creates a slot there, for a copy that you make yourself; returns where in the log it starts and the exported snapshot that fits it, for pg_dump --snapshot, which is held until complete_init or cancel_init. Acts at once, whatever becomes of the transaction';

CREATE FUNCTION steep_repl.complete_init(
	p_target_node text,
	p_source_node text,
	p_slot_name text,
	p_options jsonb DEFAULT '{}')
RETURNS steep_repl.nodes
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_complete_init';
COMMENT ON FUNCTION steep_repl.complete_init(text, text, text, jsonb) IS
'makes this node, into which you have restored a copy of another, follow it from a slot that prepare_init created. Checks that the schemas agree. Starts at commit';

CREATE FUNCTION steep_repl.cancel_init(p_node_id text)
RETURNS steep_repl.nodes
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_cancel_init';
COMMENT ON FUNCTION steep_repl.cancel_init(text) IS
'ends the init of this node and removes, in the background, what it has made on both nodes: then the node is uninitialized. Of another node it removes the slots that are prepared there';

CREATE FUNCTION steep_repl.wait_init(p_node_id text, p_timeout_seconds int DEFAULT 86400)
RETURNS steep_repl.nodes
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_wait_init';
COMMENT ON FUNCTION steep_repl.wait_init(text, int) IS
'waits until the init or reinit of a node has ended, however it did, or its cancellation; raises if it has not within the time';

CREATE FUNCTION steep_repl.init_progress(
	p_node_id text,
	OUT node_id text, OUT init_state text, OUT phase text, OUT overall_percent float8, OUT tables_completed int,
	OUT tables_total int, OUT current_table text, OUT rows_copied bigint, OUT bytes_copied bigint,
	OUT lag_bytes bigint, OUT eta_seconds int, OUT error text)
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'steep_repl_init_progress';
COMMENT ON FUNCTION steep_repl.init_progress(text) IS
'how far the init of a node is, or of all nodes if null; lag_bytes: of the source''s log that are not applied yet, while it catches up';

----------------------------------------------------------------------------
-- Health
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.version()
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'steep_repl';
END;
COMMENT ON FUNCTION steep_repl.version()
	IS 'the version of the extension in this database, such as 1.0';

CREATE FUNCTION steep_repl.health_facts(
	p_role oid,
	OUT extension_version text, OUT pg_version text, OUT active_operations int,
	OUT last_error text, OUT failing boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH failed AS MATERIALIZED (
		SELECT q.operation, q.completed_at, q.error_sqlstate,
			CASE WHEN steep_repl.may_manage(p_role, q.owner) THEN q.error_message END AS message
		FROM steep_repl.work_queue q
		WHERE q.status = 'failed'
		ORDER BY q.completed_at DESC LIMIT 1),
	left_behind AS MATERIALIZED (
		SELECT count(*) AS n FROM steep_repl.leftovers())
	SELECT steep_repl.version(),
		current_setting('server_version'),
		(SELECT count(*) FROM (
			SELECT FROM steep_repl.work_queue WHERE status = 'pending'
			UNION ALL
			SELECT FROM steep_repl.work_queue WHERE status = 'running') AS active)::int,
		coalesce(
			CASE WHEN l.n > 0 THEN
				format('%s leftovers, listed by steep_repl.leftovers()', l.n) END,
			(SELECT format('%s: %s', f.operation,
				coalesce(f.message, 'SQLSTATE ' || f.error_sqlstate)) FROM failed f)),
		l.n > 0 OR EXISTS (SELECT FROM failed f WHERE f.completed_at > now() - interval '1 day')
	FROM left_behind l;
END;
COMMENT ON FUNCTION steep_repl.health_facts(oid)
	IS 'internal: what our own tables know of the health of this node';

CREATE FUNCTION steep_repl.health(
	OUT status text, OUT extension_version text, OUT pg_version text,
	OUT background_worker_running boolean, OUT shared_memory_available boolean,
	OUT active_operations int, OUT last_error text)
RETURNS SETOF record
LANGUAGE c STABLE ROWS 1
AS 'MODULE_PATHNAME', 'steep_repl_health';
COMMENT ON FUNCTION steep_repl.health()
	IS 'one row on this node: unhealthy if no worker can run, degraded if a job failed within a day or something was left behind, else healthy; never shows others'' errors';

----------------------------------------------------------------------------
-- Privileges
----------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA steep_repl FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA steep_repl FROM PUBLIC;

----------------------------------------------------------------------------
-- Dump: what a person has set up, and not what goes on on this machine
----------------------------------------------------------------------------

SELECT pg_extension_config_dump('steep_repl.nodes', '');
