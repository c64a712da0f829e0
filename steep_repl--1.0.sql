/* steep_repl 1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION steep_repl CASCADE" to load this file. \quit

CREATE SCHEMA steep_repl;
COMMENT ON SCHEMA steep_repl IS 'compare, merge and copy PostgreSQL nodes';

----------------------------------------------------------------------------
-- Types and tables
----------------------------------------------------------------------------

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

CREATE FUNCTION steep_repl.in_leaves(bitmap bytea, VARIADIC "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'steep_repl_in_leaves'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
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

-- SSPACE: 65536 leaves of 24 bytes.
CREATE AGGREGATE steep_repl.digest_leaves(leaves integer, nkeys integer, VARIADIC "any") (
    SFUNC = steep_repl.digest_leaves_add,
    STYPE = internal,
    SSPACE = 1572864,
    FINALFUNC = steep_repl.digest_leaves_result,
    COMBINEFUNC = steep_repl.digest_leaves_combine,
    SERIALFUNC = steep_repl.digest_leaves_serialize,
    DESERIALFUNC = steep_repl.digest_leaves_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE steep_repl.digest_leaves(integer, integer, "any") IS
'digests rows into leaves: the first nkeys columns are the key, the low half of their row_digest modulo leaves names the leaf, which holds the number of its rows and the sum of their row_digests. Returns 16 + 20 * leaves bytes, or null if there is no row. Raises invalid_parameter_value unless leaves is a power of two, 8 to 16777216, and nkeys 1 to the number of columns.';

CREATE FUNCTION steep_repl.compare_leaves(local bytea, peer bytea,
    OUT local_rows bigint, OUT peer_rows bigint, OUT leaves integer, OUT differing integer,
    OUT local_suspects bigint, OUT peer_suspects bigint, OUT bitmap bytea)
    AS 'MODULE_PATHNAME', 'steep_repl_compare_leaves'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION steep_repl.compare_leaves(bytea, bytea) IS
'compares two results of digest_leaves, null meaning no rows: rows of each side, leaves, how many differ, rows in those, and their bitmap for in_leaves (null if neither side has a row). Raises protocol_violation unless both are leaves, and equally many.';

----------------------------------------------------------------------------
-- Overlap
----------------------------------------------------------------------------

CREATE FUNCTION steep_repl.row_image(columns text[], record text)
RETURNS jsonb
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'steep_repl_row_image';
COMMENT ON FUNCTION steep_repl.row_image(text[], text) IS
'turns the text of ROW(columns)::text into a JSON object of strings by column name';

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

----------------------------------------------------------------------------
-- Jobs
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Merge
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Privileges
----------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA steep_repl FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA steep_repl FROM PUBLIC;
