-- Update our rows that differ with the peer's.
SET work_mem = '1GB';
UPDATE items l
SET (customer, quantity, price, note, created_at, updated_at, active, attributes) =
    ROW (p.customer, p.quantity, p.price, p.note, p.created_at, p.updated_at, p.active, p.attributes)
FROM peer.items p
WHERE l.id = p.id AND l.* IS DISTINCT FROM p.*;
\echo :ROW_COUNT
