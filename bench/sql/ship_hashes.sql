-- Key and :hash of every row by dblink, joined here; both sides hash at once.
SET work_mem = '1GB';
SELECT FROM dblink_connect('peer', :'peer');
\set query 'SELECT id, ' :hash ' FROM items'
SELECT FROM dblink_send_query('peer', :'query');
CREATE TEMP TABLE hashes AS SELECT id, :hash AS hash FROM items;
SELECT count(*) FILTER (WHERE p.id IS NULL),
       count(*) FILTER (WHERE l.id IS NULL),
       count(*) FILTER (WHERE l.hash = p.hash),
       count(*) FILTER (WHERE l.hash <> p.hash)
FROM hashes l
FULL JOIN dblink_get_result('peer') AS p(id bigint, hash bigint) ON l.id = p.id;
