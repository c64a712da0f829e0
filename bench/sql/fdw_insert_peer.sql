-- Insert on the peer what only we have; RETURNING would forbid batches.
SET work_mem = '1GB';
INSERT INTO peer.items
SELECT * FROM items l WHERE NOT EXISTS (SELECT FROM peer.items p WHERE p.id = l.id);
\echo :ROW_COUNT
