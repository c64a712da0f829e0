-- Write the decisions of the last merge once more, to see what that costs:
-- prints their number, bytes a row with index, and seconds.
SET client_min_messages = warning;
CREATE TABLE again (LIKE steep_repl.merge_rows INCLUDING ALL);
SELECT clock_timestamp() AS before \gset
INSERT INTO again SELECT r.* FROM steep_repl.merge_rows r
WHERE table_id = (SELECT max(id) FROM steep_repl.merge_tables);
SELECT count(*), pg_total_relation_size('again') / count(*),
    extract(epoch FROM clock_timestamp() - :'before')
FROM again;
DROP TABLE again;
