-- Let rows of two equal tables differ on node :node: conflict, local_only,
-- remote_only (as seen from a), or all.
UPDATE items SET quantity = quantity + 1
WHERE id % :one_in = 1 AND :'node' = 'b' AND :'what' IN ('conflict', 'all');

DELETE FROM items
WHERE id % :one_in = 2 AND :'node' = 'b' AND :'what' IN ('local_only', 'all')
   OR id % :one_in = 3 AND :'node' = 'a' AND :'what' IN ('remote_only', 'all');
