-- Insert here what only the peer has.
SET work_mem = '1GB';
INSERT INTO items
SELECT * FROM peer.items p WHERE NOT EXISTS (SELECT FROM items l WHERE l.id = p.id);
\echo :ROW_COUNT
