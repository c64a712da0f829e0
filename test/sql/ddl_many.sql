-- What many tables need is found in memory, although it takes recursion.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;
CREATE SCHEMA many;
DO $$ BEGIN
	FOR i IN 1..200 LOOP
		EXECUTE format('CREATE TABLE many.t%s (id int PRIMARY KEY, x text DEFAULT %L)', i, i);
	END LOOP;
END $$;
ANALYZE pg_class, pg_depend, pg_attribute;
CREATE FUNCTION temp_files() RETURNS bigint LANGUAGE sql AS
$$ SELECT pg_stat_force_next_flush(); SELECT pg_stat_get_db_temp_files(oid) FROM pg_database WHERE datname = current_database() $$;
SELECT temp_files() AS before \gset

SELECT section, kind, count(*) FROM steep_repl.table_ddl(ARRAY['many.*']) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM steep_repl.table_ddl_omissions(ARRAY['many.*']) WHERE scope <> 'database';
SELECT temp_files() IS NOT NULL AS flushed;
SELECT temp_files() - :before AS temp_files;

SET client_min_messages = warning;
DROP SCHEMA many CASCADE;
DROP FUNCTION temp_files();
