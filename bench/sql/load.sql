-- Fill the table items with the rows :first to :last of node :node.
--
-- Every :one_in-th row differs between the nodes.  Of those, numbered from 0
-- and taken modulo :kinds, the last kind is only on b, the one before only on
-- a, and the others are conflicts: b has another quantity.
INSERT INTO items
SELECT id, id * 7919 % 100003,
       id % 100 + CASE WHEN kind < :kinds - 2 AND :'node' = 'b' THEN 1 ELSE 0 END,
       (id * 31 % 1000000) / 100.0,
       CASE WHEN id % 10 <> 0 THEN 'note ' || md5(id::text) END,
       '2024-01-01 UTC'::timestamptz + id * interval '1 second',
       '2024-06-01 UTC'::timestamptz + id * 1.5 * interval '1 second',
       id % 3 = 0,
       jsonb_build_object('color', (ARRAY['red', 'green', 'blue'])[id % 3 + 1], 'size', id % 50)
FROM generate_series(:first::bigint, :last::bigint) AS id,
     LATERAL (SELECT CASE WHEN id % :one_in = 0 THEN id / :one_in % :kinds END AS kind) AS k
WHERE kind IS DISTINCT FROM CASE :'node' WHEN 'a' THEN :kinds - 1 ELSE :kinds - 2 END;
