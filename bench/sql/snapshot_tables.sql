-- A table of :rows rows, about 220 bytes of text each, and 200 small ones.
DROP SCHEMA IF EXISTS large, small CASCADE;
CREATE SCHEMA large;
CREATE TABLE large.events (
    id bigint PRIMARY KEY, customer integer, kind text, amount numeric(12,2), at timestamptz,
    token uuid, active boolean, payload text, ratio double precision);
INSERT INTO large.events
SELECT i, i * 7919 % 100003, (ARRAY['view', 'click', 'order', 'refund'])[i % 4 + 1],
       (i * 31 % 1000000) / 100.0, '2024-01-01 UTC'::timestamptz + i * interval '1.7 seconds',
       md5(i::text)::uuid, i % 3 = 0,
       md5((i / 3)::text) || ' some words that come again and again ' || md5((i % 1000)::text), i / 7.0
FROM generate_series(1, :rows::bigint) AS i;
CREATE SCHEMA small;
SELECT format('CREATE TABLE small.t%s AS SELECT * FROM large.events WHERE id <= 1000', i)
FROM generate_series(1, 200) AS i \gexec
VACUUM (ANALYZE);
SELECT pg_prewarm('large.events');
