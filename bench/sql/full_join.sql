-- One full join over postgres_fdw; whole rows are compared once.
SET work_mem = '1GB';
SELECT only_a, only_b, shared - differ, differ
FROM (SELECT count(*) FILTER (WHERE p.id IS NULL) AS only_a,
             count(*) FILTER (WHERE l.id IS NULL) AS only_b,
             count(*) FILTER (WHERE l.id = p.id) AS shared,
             count(*) FILTER (WHERE l.id = p.id AND
               (l.customer, l.quantity, l.price, l.note, l.created_at,
                l.updated_at, l.active, l.attributes) IS DISTINCT FROM
               (p.customer, p.quantity, p.price, p.note, p.created_at,
                p.updated_at, p.active, p.attributes)) AS differ
      FROM items l FULL JOIN peer.items p ON l.id = p.id) AS n;
