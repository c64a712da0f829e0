-- Statements that create a table with awkward names, or add one of its columns.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS steep_repl CASCADE;
CREATE SCHEMA "S 1";
CREATE TYPE "S 1"."Mood ""1""" AS ENUM ('it''s', E'back\\slash');
CREATE DOMAIN "S 1"."a.b" AS "S 1"."Mood ""1"""[] DEFAULT '{it''s}' CONSTRAINT "not, null" CHECK (VALUE IS NOT NULL);
CREATE TABLE "S 1"."T 1" ("C 1" serial, "a$1b" "S 1"."a.b", "%I" text COLLATE "C", ","")""" text DEFAULT 'It''s', "back\slash" int GENERATED ALWAYS AS IDENTITY,
	PRIMARY KEY ("C 1"), CHECK ("%I" <> '%s'));
CREATE TABLE "S 1"."T ""2""" ("C 1" int REFERENCES "S 1"."T 1", k int) PARTITION BY LIST (k);
CREATE TABLE "S 1"."T.3" PARTITION OF "S 1"."T ""2""" FOR VALUES IN (1);
CREATE INDEX "I 1" ON "S 1"."T ""2""" ("C 1") WHERE k > 0;
COMMENT ON COLUMN "S 1"."T 1".","")""" IS E'it''s\\';

\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '
SELECT section, kind, object, table_name, E'\n' || statement FROM steep_repl.table_ddl(ARRAY['"S 1"."T 1"', '"S 1"."T ""2"""']);
SELECT kind, statement FROM steep_repl.column_ddl('"S 1"."T 1"', 'a$1b');
SELECT kind, statement FROM steep_repl.column_ddl('"S 1"."T 1"', 'C 1');
SELECT count(*) FROM steep_repl.table_ddl(ARRAY['"S 1".*']);
SELECT scope, kind, object, needed_by FROM steep_repl.table_ddl_omissions(ARRAY['"S 1"."T ""2"""']) WHERE scope <> 'database';

-- what cannot be asked
\pset tuples_only off
SELECT * FROM steep_repl.table_ddl(NULL);
SELECT * FROM steep_repl.table_ddl(ARRAY['pg_class']);
SELECT * FROM steep_repl.table_ddl(ARRAY['missing']);
SELECT * FROM steep_repl.table_ddl_omissions(ARRAY['missing.*']);
SELECT * FROM steep_repl.column_ddl('"S 1".*', 'x');
SELECT * FROM steep_repl.column_ddl('"S 1"."T 1"', '"C 1"');
DROP SCHEMA "S 1" CASCADE;
