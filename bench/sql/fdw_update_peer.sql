-- Update the peer's rows that differ, up to the key :last, with ours.
--
-- The keys are found first, so that only these rows are read for the update.
SET work_mem = '1GB';
CREATE TEMP TABLE wanted AS
SELECT l.* FROM items l JOIN peer.items p ON l.id = p.id
WHERE p.id <= :last AND l.* IS DISTINCT FROM p.*;
ANALYZE wanted;

UPDATE peer.items p
SET (customer, quantity, price, note, created_at, updated_at, active, attributes) =
    ROW (l.customer, l.quantity, l.price, l.note, l.created_at, l.updated_at, l.active, l.attributes)
FROM wanted l
WHERE l.id = p.id AND p.id = ANY (ARRAY(SELECT id FROM wanted));
\echo :ROW_COUNT
