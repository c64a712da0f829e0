-- Make the table items ready to be measured.
VACUUM (FREEZE, ANALYZE) items;
SELECT pg_prewarm('items'), pg_prewarm('items_pkey');
CHECKPOINT;
