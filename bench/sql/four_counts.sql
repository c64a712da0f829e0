-- Four counts over postgres_fdw.
SET work_mem = '1GB';
SELECT count(*) FROM items l
WHERE NOT EXISTS (SELECT FROM peer.items p WHERE p.id = l.id);

SELECT count(*) FROM peer.items p
WHERE NOT EXISTS (SELECT FROM items l WHERE l.id = p.id);

SELECT count(*) FROM items l JOIN peer.items p ON l.id = p.id
WHERE (l.customer, l.quantity, l.price, l.note, l.created_at,
       l.updated_at, l.active, l.attributes) IS NOT DISTINCT FROM
      (p.customer, p.quantity, p.price, p.note, p.created_at,
       p.updated_at, p.active, p.attributes);

SELECT count(*) FROM items l JOIN peer.items p ON l.id = p.id
WHERE (l.customer, l.quantity, l.price, l.note, l.created_at,
       l.updated_at, l.active, l.attributes) IS DISTINCT FROM
      (p.customer, p.quantity, p.price, p.note, p.created_at,
       p.updated_at, p.active, p.attributes);
