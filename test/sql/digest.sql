-- Digests of rows are equal exactly when the rows print the same, whatever is
-- stored and whatever is set; leaves are sums of them, in parallel too.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;

--
-- Equal digests, equal prints
--

-- Of all pairs of values of a query: how many print the same but have
-- different digests, or the reverse.
CREATE FUNCTION violations(query text, OUT "values" bigint, OUT prints bigint, OUT violations bigint)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, public
    SET TimeZone = 'UTC'
    SET DateStyle = 'ISO'
    SET IntervalStyle = 'postgres'
    SET extra_float_digits = 3
    SET bytea_output = 'hex'
    SET lc_monetary = 'C'
AS $$
BEGIN
    EXECUTE format('
        WITH v AS MATERIALIZED (
            SELECT ROW(x)::text COLLATE "C" AS print, steep_repl.row_digest(x) AS digest
            FROM (%s) AS q (x))
        SELECT (SELECT count(*) FROM v), (SELECT count(DISTINCT print) FROM v), count(*)
        FROM v a, v b
        WHERE (a.print = b.print) <> (a.digest = b.digest)', query)
        INTO "values", prints, violations;
END
$$;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', '', 'SAD');
CREATE TYPE feeling AS ENUM ('happy', 'sad', 'ok', '');
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE nest AS (p pair, m mood, t timestamptz);
CREATE DOMAIN amount AS numeric(20, 4);
CREATE DOMAIN refund AS amount CHECK (VALUE < 0);
CREATE DOMAIN pair_of_a AS pair CHECK ((VALUE).a > 0);
CREATE TYPE moodrange AS RANGE (subtype = mood);

-- One value stored in several ways.
CREATE TABLE stored (id integer, inline text, external text, compressed text, j jsonb, a integer[]);
ALTER TABLE stored ALTER external SET STORAGE EXTERNAL, ALTER inline SET STORAGE PLAIN;
INSERT INTO stored VALUES (1, repeat('x', 1000), repeat('x', 1000), repeat('x', 1000), jsonb_build_object('k', repeat('x', 5000)), '{1,NULL}');
INSERT INTO stored VALUES (2, 'x', repeat('x', 1000000), repeat('x', 1000000), jsonb_build_object('k', repeat('x', 5000)), '{1,2}');
INSERT INTO stored VALUES (3, '', repeat('x', 3000), repeat('x', 3000), '{}', '{}');
UPDATE stored SET a[2] = 2 WHERE id = 1;

CREATE TABLE cases (id integer GENERATED ALWAYS AS IDENTITY, name text, query text);
INSERT INTO cases (name, query) VALUES
('boolean', $$VALUES (true), (false), (NULL), (1 = 1)$$),
('"char"', $$SELECT i::"char" FROM generate_series(-128, 127) i UNION ALL VALUES (''::"char"), ('a'), (NULL)$$),
('int2', $$VALUES (0::int2), (1), (-1), (256), (32767), (-32768), (NULL)$$),
('int4', $$VALUES (0), (1), (-1), (256), (2147483647), (-2147483648), (NULL)$$),
('int8', $$VALUES (0::int8), (1), (-1), (4294967296), (9223372036854775807), (-9223372036854775808), (NULL)$$),
('oid', $$VALUES (0::oid), (1), (4294967295), (2147483648), (NULL)$$),
('money', $$VALUES ('0'::money), ('0.01'), ('-0.01'), ('92233720368547758.07'), ('-92233720368547758.08'), (NULL)$$),
('float4', $$VALUES ('0'::float4), ('-0'), ('NaN'), (-('NaN'::float4)), ('Infinity'), ('-Infinity'), ('1e-45'), ('1.1'), ('1.10000002'), ('1.1000001'), ('Infinity'::float4 - 'Infinity'), ('3e38'), (NULL)$$),
('float8', $$VALUES ('0'::float8), ('-0'), ('NaN'), ('Infinity'), ('-Infinity'), ('5e-324'), ('0.1'), ('0.30000000000000004'), ('0.3'), ('Infinity'::float8 - 'Infinity'), (-('NaN'::float8)), ('1e308'), (NULL)$$),
('numeric', $$SELECT n::numeric FROM unnest('{0,0.0,0.000,-0,-0.00,1,1.0,1.00,-1,-1.0,10000,10000.0,1e10,10000000000,10000000000.0000,0.0001,0.00010,0.00001,9999,99999999,100000000,NaN,nan,Infinity,inf,-Infinity,1e100,-1e100,1e-100,1e1000,1e-1000,1e131071,-1e131071,1e-16383,123456789012345678901234567890.123456789,NULL}'::text[]) n$$),
('numeric computed', $$VALUES (1.0 * 1.0), (1.00), (1.0000 - 0.0000), (0.5 + 0.5), (2 / 2.0), (round(1.00049, 2)), (trunc(1.999, 2)), (trim_scale(1.000)), (1::numeric), (10 ^ 4.0), (10000::numeric(20, 0)), (1e4), (-(0.00)), (0.00), (abs(-1.00)), (1::float8::numeric), (1.00::numeric(80, 70)), (1.00::numeric(80, 70)::numeric(10, 2)), (1e300 / 1e300), (0.0001), (1e252 + 0.0000), (-0.0001), (1e-60), (1e-64), (1e-256)$$),
('numeric of many digits', $$SELECT (repeat('1234', n) || '.' || repeat('0', n % 3))::numeric FROM generate_series(250, 262) n UNION ALL SELECT (repeat('1234', 2000) || d)::numeric FROM unnest('{1,2,1,1.0,00}'::text[]) d$$),
('text', $$VALUES (''::text), (' '), ('a'), ('a '), ('A'), ('aa'), ('NULL'), (chr(1)), (NULL)$$),
('long text', $$SELECT repeat('a', n) FROM generate_series(1020, 1028) n UNION ALL SELECT repeat('a', n) || 'b' FROM generate_series(1020, 1028) n UNION ALL SELECT repeat('a', 1024) || 'c'$$),
('text, stored in many ways', $$SELECT inline FROM stored UNION ALL SELECT external FROM stored UNION ALL SELECT compressed FROM stored UNION ALL SELECT repeat('x', 1000000)$$),
('varchar', $$VALUES ('a'::varchar(5)), ('a '), (''), ('a'), (NULL)$$),
('char(n)', $$SELECT x::char(3) FROM unnest('{a,"a ","a  ",b,"",NULL}'::text[]) x$$),
('char(n) of two lengths', $$SELECT 'a'::char(3)::bpchar UNION ALL SELECT 'a'::char(4)::bpchar UNION ALL SELECT 'a  '::bpchar$$),
('name', $$VALUES ('a'::name), (''), ('ab'), (repeat('a', 63)::name), (repeat('a', 64)::name), (NULL)$$),
('bytea', $$VALUES (''::bytea), ('\x00'), ('\x0000'), ('\x01'), ('\xff'), ('\x61'), (NULL)$$),
('long bytea', $$SELECT decode(repeat('00', n), 'hex') FROM generate_series(1020, 1030) n UNION ALL SELECT decode(repeat('00', 1024) || '01', 'hex')$$),
('uuid', $$VALUES ('00000000-0000-0000-0000-000000000000'::uuid), ('00000000-0000-0000-0000-000000000001'), ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), ('{a0eebc999c0b4ef8bb6d6bb9bd380a11}'), (NULL)$$),
('macaddr', $$VALUES ('08:00:2b:01:02:03'::macaddr), ('08002b:010203'), ('08:00:2b:01:02:04'), (NULL)$$),
('macaddr8', $$VALUES ('08:00:2b:01:02:03:04:05'::macaddr8), ('08002b:0102030405'), ('08:00:2b:01:02:03'), (NULL)$$),
('date', $$VALUES ('2000-01-01'::date), ('infinity'), ('-infinity'), ('0001-01-01 BC'), ('0001-01-01'), ('4713-01-01 BC'), ('5874897-12-31'), (NULL)$$),
('time', $$VALUES ('00:00'::time), ('24:00'), ('23:59:60'), ('12:00:00.000001'), ('12:00'), (NULL)$$),
('timetz', $$VALUES ('00:00+00'::timetz), ('01:00+01'), ('00:00-00'), ('00:00+00:00:01'), ('24:00+00'), ('00:00Z'), ('00:00+05:30'), (NULL)$$),
('timestamp', $$VALUES ('2000-01-01'::timestamp), ('infinity'), ('-infinity'), ('0044-03-15 BC'), ('4713-01-01 BC'), ('294276-12-31 23:59:59.999999'), ('2000-01-01 00:00:00.000001'), (NULL)$$),
('timestamptz', $$VALUES ('2000-01-01 00:00+00'::timestamptz), ('2000-01-01 01:00+01'), ('2000-01-01 00:00+01'), ('infinity'), ('-infinity'), ('0044-03-15 00:00:00+00 BC'), (NULL)$$),
('interval', $$VALUES ('1 day'::interval), ('24:00'), ('1 month'), ('30 days'), ('12 months'), ('1 year'), ('-1 day +24:00'), ('0'), ('-00:00:00.000001'), ('1 mon -1 day'), ('-1 mon +1 day'), ('1 day -00:00:01'), ('-13 months'), ('178956970 years'), ('2147483647 days'), ('-2147483648 days'), (NULL)$$),
('interval, outermost', $$SELECT (CASE WHEN current_setting('server_version_num')::int >= 170000 THEN i ELSE o END)::interval + d FROM (VALUES ('infinity', '178956970 years 7 mons 2147483647 days 2562047788:00:54.775807', '0'::interval), ('infinity', '178956970 years 7 mons 2147483647 days 2562047788:00:54.775806', '0.000001'), ('-infinity', '-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807', '-0.000001'), ('1 day', '1 day', '0'), ('178956970 years 7 mons 2147483647 days', '178956970 years 7 mons 2147483647 days', '0')) v (i, o, d)$$),
('json', $$VALUES ('{"a":1}'::json), ('{"a": 1}'), ('{"a":1} '), ('{"a":1,"a":1}'), ('1'), ('1.0'), ('"1"'), ('null'), (NULL)$$),
('jsonb', $$VALUES ('{"a":1}'::jsonb), ('{"a": 1}'), ('{"a":1,"a":1}'), ('{"a":1.0}'), ('{"a":"1"}'), ('{"a":null}'), ('{"a":true}'), ('{"a":false}'), ('{"a":[]}'), ('{"a":{}}'), ('{"a":[[]]}'), ('{"a":[{}]}'), ('{}'), ('[]'), ('[[]]'), ('[1]'), ('1'), ('[[1]]'), ('1e2'), ('100'), ('1E+2'), ('"1"'), ('""'), ('"a"'), ('["a"]'), ('null'), ('[null]'), ('true'), ('["a","b"]'), ('["ab",""]'), ('["","ab"]'), ('["ab"]'), ('{"a":"b","c":"d"}'), ('{"c":"d","a":"b"}'), ('{"ab":"","c":"d"}'), ('{"bb":1,"a":2}'), ('{"a":2,"bb":1}'), ('[-0]'), ('[0]'), ('[0.0]'), ('[-0.0]'), ('"\u0041"'), ('"A"'), (NULL)$$),
('jsonb made in many ways', $$VALUES ('{"a": {"b": [1, 2.50, "x"]}}'::jsonb -> 'a'), ('{"b": [1, 2.50, "x"]}'), (jsonb_build_object('b', jsonb_build_array(1, 2.50, 'x'::text))), (jsonb_set('{"b": [1, 3, "x"]}', '{b,1}', '2.50')), ('{}'::jsonb || '{"b": [1, 2.50, "x"]}'), ('{"b": [1, 2.50, "x"], "c": 1}'::jsonb - 'c'), (to_jsonb('{"b": [1, 2.50, "x"]}'::json)), (jsonb_path_query_first('[{"q": {"b": [1, 2.50, "x"]}}]', '$[0].q')), ('{"b": [1, 2.5, "x"]}'), (jsonb_path_query_array('[1, 2.50, "x"]', '$[*]')), ('[0, 1, 2.50, "x"]'::jsonb - 0), ('{"b": [1, 2.50, "x"]}'::jsonb -> 'b'), (to_jsonb(2.50)), ('[2.50]'::jsonb -> 0), ('2.50')$$),
('jsonb of many keys', $$SELECT (SELECT jsonb_object_agg(CASE WHEN i % 2 = 0 THEN 'key' ELSE 'k' END || i, CASE WHEN i % 3 = 0 THEN to_jsonb(i / 4.0) WHEN i % 3 = 1 THEN to_jsonb(i::text) ELSE jsonb_build_array(i) END ORDER BY i * s % 101) FROM generate_series(1, n) i) FROM generate_series(30, 100) n, unnest('{1,7}'::int[]) s$$),
('long jsonb', $$SELECT jsonb_build_array(repeat('x', n), 1, 'y') FROM generate_series(990, 1020) n UNION ALL SELECT to_jsonb(array_agg(i)) FROM generate_series(1, 90) n, generate_series(1, n) i GROUP BY n UNION ALL SELECT to_jsonb(array_agg(i)) FROM generate_series(1, 90) i UNION ALL SELECT j FROM stored UNION ALL SELECT jsonb_build_object('k', repeat('x', 5000)) -> 'k' UNION ALL SELECT jsonb_build_array(repeat('x', 5000), n) FROM generate_series(1, 3) n$$),
('jsonb of long numbers', $$SELECT ('[' || repeat('7', n) || ', 1]')::jsonb FROM generate_series(2040, 2060) n UNION ALL SELECT ('[' || repeat('7', 2050) || ', 2]')::jsonb UNION ALL SELECT jsonb_build_array(repeat('7', 2050)::numeric, 1)$$),
('enum', $$VALUES ('sad'::mood), ('ok'), ('happy'), (''), ('SAD'), (NULL)$$),
('domain', $$VALUES (1::amount), (1.0), (1.0000), (10000), (NULL)$$),
('domain over a domain', $$VALUES ((-1)::refund), (-1.00), (-2)$$),
('int4[]', $$VALUES ('{}'::int[]), ('{1}'), ('[0:0]={1}'), ('[2:2]={1}'), ('{{1}}'), ('{1,NULL}'), ('{NULL}'), ('{1,2}'), ('{{1},{2}}'), ('{{1,2}}'), (array_remove('{1,NULL}'::int[], NULL)), (NULL) UNION ALL SELECT a FROM stored$$),
('text[]', $$VALUES ('{}'::text[]), ('{""}'), ('{NULL}'), ('{"NULL"}'), ('{a,b}'), ('{"a,b"}'), ('{"a b"}'), ('{"\""}'), ('{"\\"}'), ('{"{}"}'), ('{{a},{b}}')$$),
('numeric[]', $$VALUES ('{1.0}'::numeric[]), ('{1.00}'), ('{1}'), ('{NaN}'), ('[0:0]={1}')$$),
('timestamptz[]', $$VALUES ('{2000-01-01 00:00+00}'::timestamptz[]), ('{2000-01-01 01:00+01}'), ('{infinity}')$$),
('float8[]', $$VALUES ('{0}'::float8[]), ('{-0}'), (ARRAY['Infinity'::float8 - 'Infinity']), ('{NaN}'), ('{0.1}')$$),
('enum[]', $$VALUES ('{sad,ok}'::mood[]), ('{ok,sad}'), ('{}'), ('{sad}'), ('{SAD}'), ('{"",sad}')$$),
('money[]', $$VALUES ('{1,2}'::money[]), ('{1.00,2.00}'), ('{12}')$$),
('composite', $$VALUES ((1, 'a')::pair), ((1, '')::pair), ((1, NULL)::pair), ((NULL, '1')::pair), ((NULL, NULL)::pair), ((1, 'a,b')::pair), ((1, '"')::pair), ('(1,"a")'::pair), (NULL)$$),
('composite in a composite', $$VALUES (((1, 'a'), 'sad', '2000-01-01 00:00+00')::nest), (((1, 'a'), 'ok', '2000-01-01 00:00+00')::nest), (((1, 'a'), 'sad', '2000-01-01 01:00+01')::nest), ((NULL, 'sad', NULL)::nest), (((NULL, NULL), 'sad', NULL)::nest)$$),
('composite[]', $$VALUES (ARRAY[(1, 'a')::pair]), (ARRAY[(1, 'a')::pair, (2, 'b')::pair]), ('{"(1,a)"}'::pair[]), (ARRAY[(1, NULL)::pair])$$),
('domain over a composite', $$VALUES ((1, 'a')::pair::pair_of_a), ('(1,a)'), ('(2,a)'), ('(1,)')$$),
('record', $$VALUES (ROW(1, 2)), (ROW(1, 3)), (ROW(12, NULL::int)), (ROW(1, 2))$$),
('int4range', $$VALUES ('[1,3)'::int4range), ('[1,2]'), ('(0,3)'), ('empty'), ('[1,1)'), ('(,3)'), ('[1,)'), ('(,)'), (NULL)$$),
('numrange', $$VALUES ('[1,3)'::numrange), ('[1.0,3)'), ('[1,3]'), ('(1,3)'), ('(1,3]'), ('empty')$$),
('tstzmultirange', $$VALUES ('{[2000-01-01 00:00+00,2001-01-01 00:00+00)}'::tstzmultirange), ('{[2000-01-01 01:00+01,2001-01-01 00:00+00)}'), ('{}'), ('{[2000-01-01 00:00+00,2000-06-01 00:00+00),[2000-06-01 00:00+00,2001-01-01 00:00+00)}')$$),
('range of an enum', $$VALUES ('[sad,ok]'::moodrange), ('[sad,happy]'), ('[sad,ok)'), ('empty')$$),
('xml', $$VALUES ('<a/>'::xml), ('<a></a>'), ('<?xml version="1.0" encoding="UTF-8"?><a/>'), ('<?xml version="1.0"?><a/>'), ('<?xml version="1.1"?><a/>'), ('<a/><b/>'), (''), (NULL)$$),
('inet', $$VALUES ('10.0.0.1'::inet), ('10.0.0.1/32'), ('10.0.0.1/24'), ('::1'), ('::1/128'), ('::10.0.0.1'), ('::ffff:10.0.0.1'), (NULL)$$),
('cidr', $$VALUES ('10.0.0.0/8'::cidr), ('10/8'), ('10.0.0.0/16'), ('::/0'), ('0.0.0.0/0')$$),
('bit varying', $$VALUES (''::varbit), (B'0'), (B'00'), (B'1'), (B'10'), (B'10000000'), (B'100000000'), (NULL)$$),
('point', $$VALUES ('(0,0)'::point), ('(-0,0)'), ('(0.1,0.2)'), ('(0.30000000000000004,0)'), ('(0.3,0)')$$),
('box', $$VALUES ('(1,1),(0,0)'::box), ('(0,0),(1,1)'), ('(2,0.5),(0,0)'), ('(0,1),(1,0)')$$),
('tsvector', $$VALUES ('a b'::tsvector), ('b a'), ('a:1 b'), ('a:1A b'), (''), (NULL)$$),
('tsquery', $$VALUES ('a & b'::tsquery), ('a&b'), ('a | b'), ('!a'), (NULL)$$),
('regclass', $$VALUES ('pg_class'::regclass), ('pg_catalog.pg_class'), ('pg_proc'), ('stored'), (0::regclass), (4294967295::oid::regclass), (NULL)$$),
('regtype', $$VALUES ('int4'::regtype), ('integer'), ('text'), ('mood'), (NULL)$$),
('pg_lsn', $$VALUES ('0/0'::pg_lsn), ('0/1'), ('1/0'), ('FFFFFFFF/FFFFFFFF'), (NULL)$$),
('tid', $$VALUES ('(0,1)'::tid), ('(1,0)'), ('(0,0)')$$),
('jsonpath', $$VALUES ('$.a'::jsonpath), ('$."a"'), ('$.b')$$);

SELECT name, v.* FROM cases, LATERAL violations(query) v ORDER BY id;

-- The boundaries of columns count, and null is no value.
SELECT a.row AS a, b.row AS b FROM
    (VALUES ('ab,c', steep_repl.row_digest('ab'::text, 'c'::text)),
            ('a,bc', steep_repl.row_digest('a'::text, 'bc'::text)),
            ('abc', steep_repl.row_digest('abc'::text)),
            ('abc,', steep_repl.row_digest('abc'::text, ''::text)),
            ('abc,null', steep_repl.row_digest('abc'::text, NULL::text)),
            ('null,abc', steep_repl.row_digest(NULL::text, 'abc'::text)),
            ('1,null', steep_repl.row_digest(1, NULL::int)),
            ('null,1', steep_repl.row_digest(NULL::int, 1)),
            ('null', steep_repl.row_digest(NULL::int)),
            ('null,null', steep_repl.row_digest(NULL::int, NULL::int))) AS a (row, digest)
    JOIN
    (VALUES ('ab,c', steep_repl.row_digest('ab'::text, 'c'::text)),
            ('null of another type', steep_repl.row_digest(NULL::text)),
            ('abc as varchar', steep_repl.row_digest('abc'::varchar)),
            ('abc as unknown', steep_repl.row_digest('abc'))) AS b (row, digest)
    USING (digest) ORDER BY 1, 2;

SELECT count(*) AS rows, count(DISTINCT steep_repl.row_digest(a, b, c)) AS digests
FROM unnest('{"",a,b,ab,NULL}'::text[]) a, unnest('{"",a,b,ab,NULL}'::text[]) b, unnest('{"",a,b,ab,NULL}'::text[]) c;

-- A printed value and its print share a digest; so do intervals that read as
-- infinite since 17, which 15 prints otherwise.
SET IntervalStyle = 'postgres';
CREATE FUNCTION outermost(OUT i interval) LANGUAGE sql
    RETURN (SELECT CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 'infinity'
        ELSE '178956970 years 7 mons 2147483647 days 2562047788:00:54.775807' END::interval);
SELECT steep_repl.row_digest(i) = steep_repl.row_digest(i::text) AS highest, steep_repl.row_digest(j) = steep_repl.row_digest(j::text) AS lowest,
    steep_repl.row_digest('{1,2}'::int[]) = steep_repl.row_digest('{1,2}'::text) AS printed
FROM outermost(), LATERAL (SELECT -i - '1 mon 1 day 0.000001'::interval) AS l (j);
RESET IntervalStyle;

-- Labels of an enum count, not their numbers or order; a renamed label too,
-- seen from one call site.
SELECT steep_repl.row_digest('sad'::mood, 'ok'::mood) = steep_repl.row_digest('sad'::feeling, 'ok'::feeling) AS same_labels;
CREATE FUNCTION rename_while_digesting() RETURNS TABLE (label text, digest_is_of_label boolean)
    LANGUAGE plpgsql AS $$
DECLARE
    m mood := 'happy';
    digest bytea;
BEGIN
    FOREACH label IN ARRAY '{glad,merry}'::text[] LOOP
        EXECUTE format('ALTER TYPE mood RENAME VALUE %L TO %L', m, label);
        digest := steep_repl.row_digest(m);
        digest_is_of_label := digest = steep_repl.row_digest(label);
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT * FROM rename_while_digesting();

-- More labels than are remembered at once.
SELECT format('CREATE TYPE number AS ENUM (%s)', string_agg(quote_literal(i), ', ' ORDER BY i)) FROM generate_series(1, 100) i \gexec
SELECT count(*), count(DISTINCT digest), bool_and(digest = steep_repl.row_digest(i::text)) AS of_label
FROM (SELECT i, steep_repl.row_digest(i::text::number) AS digest FROM generate_series(1, 100) i, generate_series(1, 2)) d;

-- The session's settings don't count.
CREATE TABLE settings_matter AS SELECT
    '{2000-01-01 00:00+00}'::timestamptz[] AS tz, ARRAY['1 year 2 days 03:04:05'::interval] AS i,
    ARRAY['2000-02-03'::date] AS d, ARRAY[0.1::float8 + 0.2::float8] AS f, ARRAY['\x00ff'::bytea] AS b,
    '(0.1,0.30000000000000004)'::point AS p, '"Aa"'::xml AS x, 'pg_class'::regclass AS r,
    '2000-01-01 00:00+00'::timestamptz AS fast_tz, '1 mon'::interval AS fast_i, 0.1::float4 AS fast_f;
CREATE TABLE digests (setting text, digest bytea);
CREATE VIEW digest AS SELECT steep_repl.row_digest(tz, i, d, f, b, p, x, r, fast_tz, fast_i, fast_f) AS digest FROM settings_matter;
INSERT INTO digests SELECT 'regress', digest FROM digest;
SET TimeZone = 'America/St_Johns';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET quote_all_identifiers = on;
INSERT INTO digests SELECT 'odd', digest FROM digest;
SELECT tz, i, d, f, b FROM settings_matter;
RESET ALL;
SET client_min_messages = warning;
SELECT count(*) AS settings, count(DISTINCT digest) AS digests FROM digests;

-- They are given back after an error, too.
SET TimeZone = 'Asia/Tokyo';
SET extra_float_digits = 0;
CREATE TYPE broken;
CREATE FUNCTION broken_in(cstring) RETURNS broken AS 'int4in' LANGUAGE internal STRICT IMMUTABLE;
CREATE FUNCTION broken_out(broken) RETURNS cstring AS 'enum_out' LANGUAGE internal STRICT IMMUTABLE;
CREATE TYPE broken (INPUT = broken_in, OUTPUT = broken_out, LIKE = int4);
SELECT steep_repl.row_digest('1'::broken);
SELECT '2000-01-01 00:00+00'::timestamptz AS tokyo, 0.1::float8 + 0.2::float8 AS digits;
RESET TimeZone;
RESET extra_float_digits;

-- Digests travel between releases and platforms: these never change without
-- a new version.
SELECT steep_repl.digest_version();
SELECT steep_repl.row_digest(NULL::int, true, 'c'::"char", 1::int2, 2, 3::int8, 4::oid, 5.5::float4, -6.25::float8) AS digest
UNION ALL SELECT steep_repl.row_digest(1234567.8900, 'text'::text, 'char'::char(6), '\x0001'::bytea, 'name'::name)
UNION ALL SELECT steep_repl.row_digest('2000-02-03'::date, '04:05'::time, '04:05+06'::timetz, '2000-02-03 04:05'::timestamp, '2000-02-03 04:05+00'::timestamptz, '1 mon 2 days 3 hours'::interval)
UNION ALL SELECT steep_repl.row_digest('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '08:00:2b:01:02:03'::macaddr, '{"a": 1}'::json, '{"a": [1.50, "x", null, true, {}], "bb": ""}'::jsonb)
UNION ALL SELECT steep_repl.row_digest('sad'::mood, '{1,NULL}'::int[], repeat('x', 5000), repeat('7', 3000)::numeric);

-- What cannot be called so.
SELECT steep_repl.row_digest(VARIADIC ARRAY[1, 2]);
SELECT steep_repl.row_digest();

--
-- Leaves
--
CREATE TABLE t AS SELECT i AS id, i % 10 AS k, 'value ' || i AS v, CASE WHEN i % 7 > 0 THEN i / 8.0 END AS n
FROM generate_series(1, 5000) i;
ANALYZE t;

-- An unsigned little-endian number inside a bytea.
CREATE FUNCTION number_at(b bytea, at integer, width integer) RETURNS numeric LANGUAGE sql IMMUTABLE
    RETURN (SELECT sum(get_byte(b, at + i) * trunc(256::numeric ^ i)) FROM generate_series(0, width - 1) i);

-- The same leaves, made of row_digest in SQL; no row expected.
WITH rows AS (
    SELECT number_at(steep_repl.row_digest(id, k), 0, 8) AS key, steep_repl.row_digest(id, k, v, n) AS digest FROM t
), expected AS (
    SELECT key % 64 AS leaf, count(*)::numeric, sum(number_at(digest, 0, 8)) % 2 ^ 64::numeric AS low, sum(number_at(digest, 8, 8)) % 2 ^ 64::numeric AS high,
        sum(number_at(digest, 0, 8) * (div(key, 64) % 256)) % 2 ^ 64::numeric AS parts
    FROM rows GROUP BY 1
), actual AS (
    SELECT leaf::numeric, number_at(b, 16 + leaf * 28, 4) AS count, number_at(b, 20 + leaf * 28, 8) AS low, number_at(b, 28 + leaf * 28, 8) AS high,
        number_at(b, 36 + leaf * 28, 8) AS parts
    FROM (SELECT steep_repl.digest_leaves(64, 2, id, k, v, n) FROM t) AS d (b), generate_series(0, 63) leaf
)
SELECT * FROM expected FULL JOIN actual USING (leaf) WHERE expected IS DISTINCT FROM actual;

SELECT number_at(b, 0, 4) AS version, number_at(b, 4, 4) AS leaves, number_at(b, 8, 8) AS rows, length(b)
FROM (SELECT steep_repl.digest_leaves(64, 2, id, k, v, n) FROM t) AS d (b);

-- Parallel workers come to the same, and so does another order.
CREATE TABLE results (way text, leaves bytea);
INSERT INTO results SELECT 'serial', steep_repl.digest_leaves(1024, 1, id, k, v, n) FROM t;
INSERT INTO results SELECT 'sorted', steep_repl.digest_leaves(1024, 1, id, k, v, n ORDER BY n, id DESC) FROM t;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE t SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT steep_repl.digest_leaves(1024, 1, id, k, v, n) FROM t;
PREPARE parallel AS SELECT 'parallel', steep_repl.digest_leaves(1024, 1, id, k, v, n) FROM t;
CREATE TABLE parallel_result AS EXECUTE parallel;
INSERT INTO results SELECT * FROM parallel_result;
-- Printed columns are pinned in workers, too.
CREATE TABLE parallel_printed AS SELECT steep_repl.digest_leaves(8, 1, id, ARRAY['epoch'::timestamptz + id * '24 hours'::interval]) AS leaves FROM t;
SET max_parallel_workers_per_gather = 0;
SET TimeZone = 'Asia/Kolkata';
SELECT p.leaves = steep_repl.digest_leaves(8, 1, id, ARRAY['epoch'::timestamptz + id * '24 hours'::interval]) AS printed_alike
FROM t, parallel_printed p GROUP BY p.leaves;
RESET TimeZone;
-- Partitions are digested apart and then combined, whoever does it.
CREATE TABLE parted (LIKE t) PARTITION BY HASH (id);
SELECT format('CREATE TABLE parted%s PARTITION OF parted FOR VALUES WITH (MODULUS 4, REMAINDER %1$s)', i) FROM generate_series(0, 3) i \gexec
INSERT INTO parted SELECT * FROM t;
ANALYZE parted;
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS OFF) SELECT steep_repl.digest_leaves(1024, 1, id, k, v, n) FROM parted;
INSERT INTO results SELECT 'partitions', steep_repl.digest_leaves(1024, 1, id, k, v, n) FROM parted;
RESET enable_partitionwise_aggregate;
SELECT count(*) AS ways, count(DISTINCT leaves) AS results FROM results;

-- Groups have leaves of their own.
SELECT k, number_at(steep_repl.digest_leaves(8, 1, id, v), 8, 8) AS rows FROM t WHERE k < 3 GROUP BY k ORDER BY k;
-- So have frames of a window.
SELECT array_agg(rows ORDER BY id) FROM (
    SELECT id, number_at(steep_repl.digest_leaves(8, 1, id, v) OVER (ORDER BY id), 8, 8) AS rows FROM t WHERE id <= 12) w;

-- No rows, no leaves.
SELECT steep_repl.digest_leaves(8, 1, id, v) IS NULL AS nothing FROM t WHERE false;

-- in_leaves() divides the rows as digest_leaves() does; no row expected.
SELECT leaf, number_at(leaves, 16 + leaf * 28, 4), members
FROM (SELECT steep_repl.digest_leaves(16, 2, id, k, v) FROM t) AS d (leaves), generate_series(0, 15) leaf,
    LATERAL (SELECT count(*) FROM t WHERE steep_repl.in_leaves(set_bit('\x0000'::bytea, leaf, 1), id, k)) AS m (members)
WHERE number_at(leaves, 16 + leaf * 28, 4) <> members;

SELECT steep_repl.in_leaves('\xff', 1), steep_repl.in_leaves('\x00', 1), steep_repl.in_leaves(NULL, 1), steep_repl.in_leaves('\xff', NULL::int);

-- A bitmap that is no constant, and one that is toasted.
CREATE TABLE bitmaps AS SELECT n, decode(repeat(n, 65536), 'hex') AS bitmap FROM unnest('{00,ff,55}'::text[]) n;
SELECT n, count(*) FILTER (WHERE steep_repl.in_leaves(bitmap, id)) BETWEEN c * 800 AND c * 1000 AS as_expected
FROM bitmaps JOIN (VALUES ('00', 0), ('ff', 1), ('55', 0.5)) AS e (n, c) USING (n), generate_series(1, 1000) id GROUP BY n, c ORDER BY n;

-- What differs between two tables lies in the leaves that differ.
CREATE TABLE peer AS SELECT * FROM t;
UPDATE peer SET v = 'changed' WHERE id IN (17, 4711);
DELETE FROM peer WHERE id = 42;
INSERT INTO peer VALUES (5001, 1, 'new', NULL), (5002, 1, 'new', NULL);
CREATE TABLE comparison AS SELECT c.* FROM
    (SELECT steep_repl.digest_leaves(4096, 1, id, k, v, n) FROM t) AS l (leaves),
    (SELECT steep_repl.digest_leaves(4096, 1, id, k, v, n) FROM peer) AS p (leaves),
    steep_repl.compare_leaves(l.leaves, p.leaves) c;
SELECT local_rows, peer_rows, leaves, differing, local_suspects < 20 AS few_local, peer_suspects < 20 AS few_peer, length(bitmap) FROM comparison;
SELECT local_suspects = (SELECT count(*) FROM t WHERE steep_repl.in_leaves(bitmap, id)) AS local,
    peer_suspects = (SELECT count(*) FROM peer WHERE steep_repl.in_leaves(bitmap, id)) AS peer FROM comparison;
SELECT id, steep_repl.in_leaves(bitmap, id) FROM comparison, unnest('{17,42,4711,5001,5002}'::int[]) id ORDER BY id;

-- Large leaves are looked at in parts, but whatever differs is named: one row
-- of a leaf, or several, changed, new or missing.
CREATE TABLE shapes AS SELECT s AS n, i AS id, 'as it was' AS v FROM generate_series(0, 299) s, generate_series(1, 512) i;
UPDATE shapes SET v = 'changed' WHERE n > 0 AND id * 7 % 512 < n / 3 AND id % 3 = 0;
DELETE FROM shapes WHERE n > 0 AND id * 7 % 512 < n / 3 AND id % 3 = 1;
UPDATE shapes SET id = -id WHERE n > 0 AND id * 7 % 512 < n / 3 AND id % 3 = 2;
CREATE INDEX ON shapes (n);
ANALYZE shapes;
WITH digests AS MATERIALIZED (SELECT n, steep_repl.digest_leaves(8, 1, id, v) AS leaves FROM shapes GROUP BY n),
compared AS MATERIALIZED (SELECT p.n, c.bitmap FROM digests l, digests p, steep_repl.compare_leaves(l.leaves, p.leaves) c WHERE l.n = 0 AND p.n > 0)
SELECT length(bitmap) AS bytes, count(*) FILTER (WHERE differs) AS differ, count(*) FILTER (WHERE differs AND NOT named) AS missed,
    count(*) FILTER (WHERE named AND NOT differs AND n BETWEEN 3 AND 5) < 30 AS few_beside
FROM compared c, LATERAL (
    SELECT l.v IS DISTINCT FROM p.v AS differs, steep_repl.in_leaves(bitmap, id) AS named
    FROM (SELECT id, v FROM shapes WHERE n = 0) l FULL JOIN (SELECT id, v FROM shapes s WHERE s.n = c.n) p USING (id)) r
GROUP BY bytes;

-- Two mistakes that are alike don't cancel.
SELECT differing FROM
    (SELECT steep_repl.digest_leaves(8, 1, id) FROM (VALUES (1), (1)) v (id)) AS l (leaves),
    (SELECT steep_repl.digest_leaves(8, 1, id) FROM (VALUES (2), (2)) v (id)) AS p (leaves),
    steep_repl.compare_leaves(l.leaves, p.leaves);

-- Sides without rows.
SELECT c.* FROM steep_repl.compare_leaves(NULL, NULL) c;
SELECT c.* FROM (SELECT steep_repl.digest_leaves(8, 1, id) FROM generate_series(1, 1) id) AS l (leaves), steep_repl.compare_leaves(leaves, NULL) c;
SELECT c.local_rows, c.peer_rows, c.peer_suspects FROM (SELECT steep_repl.digest_leaves(8, 1, id) FROM generate_series(1, 100) id) AS p (leaves), steep_repl.compare_leaves(NULL, leaves) c;

-- Bytes of a peer that are not leaves.
CREATE FUNCTION compare_with(peer bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM steep_repl.compare_leaves((SELECT steep_repl.digest_leaves(8, 1, 1)), peer);
    RETURN 'accepted';
EXCEPTION WHEN protocol_violation THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLERRM || ': ' || detail;
END
$$;
SELECT what, compare_with(bytes) FROM (SELECT steep_repl.digest_leaves(8, 1, 1)) AS d (b),
LATERAL (VALUES
    (1, 'good', b), (2, 'empty', ''), (3, 'short header', substr(b, 1, 15)), (4, 'header only', substr(b, 1, 16)),
    (5, 'a byte less', substr(b, 1, length(b) - 1)), (6, 'a byte more', b || '\x00'),
    (7, 'version', set_byte(b, 0, 99)), (8, 'no leaves', set_byte(b, 4, 0)), (9, 'odd leaves', set_byte(b, 4, 9)),
    (10, 'other leaves', set_byte(b, 4, 16) || decode(repeat('00', 224), 'hex')), (11, 'many leaves', set_byte(b, 7, 255)),
    (12, 'huge leaves', set_byte(b, 7, 127)), (13, 'rows', set_byte(b, 8, 2)), (14, 'negative rows', set_byte(b, 15, 255))) AS v (seq, what, bytes)
ORDER BY seq;

-- What cannot be called so.
SELECT steep_repl.digest_leaves(4, 1, id) FROM t;
SELECT steep_repl.digest_leaves(24, 1, id) FROM t;
SELECT steep_repl.digest_leaves(33554432, 1, id) FROM t;
SELECT steep_repl.digest_leaves(NULL, 1, id) FROM t;
SELECT steep_repl.digest_leaves(8, 0, id) FROM t;
SELECT steep_repl.digest_leaves(8, 2, id) FROM t;
SELECT steep_repl.digest_leaves(CASE WHEN id = 1 THEN 8 ELSE 16 END, 1, id) FROM t;
SELECT steep_repl.digest_leaves(8, 1, VARIADIC ARRAY[id]) FROM t;
SELECT steep_repl.in_leaves('', 1);
SELECT steep_repl.in_leaves('\x000000', 1);

DROP FUNCTION violations, outermost, rename_while_digesting, number_at, compare_with;
DROP VIEW digest;
DROP TABLE stored, cases, settings_matter, digests, t, shapes, results, parallel_result, parallel_printed, bitmaps, peer, comparison, parted;
DROP TYPE moodrange, nest, pair_of_a, pair, mood, feeling, number, refund, amount;
DROP TYPE broken CASCADE;
