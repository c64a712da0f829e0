-- A database as pgbench makes it, and texts with two more indexes.
CREATE SCHEMA app;
CREATE TABLE app.accounts (aid int NOT NULL, bid int, abalance int, filler char(84));
INSERT INTO app.accounts SELECT i, i / 100000, 0, '' FROM generate_series(1, :rows) i;
ALTER TABLE app.accounts ADD PRIMARY KEY (aid);
CREATE TABLE app.notes (id bigint PRIMARY KEY, account int NOT NULL, at timestamptz NOT NULL, note text NOT NULL, price numeric(12,2));
INSERT INTO app.notes
SELECT i, i::bigint * 7919 % :rows, timestamptz '2020-01-01' + i * interval '1 minute',
	(SELECT string_agg(md5((i * k)::text), ' ') FROM generate_series(1, 16) k), i % 100000 / 100.0
FROM generate_series(1, :rows / 8) i;
CREATE INDEX ON app.notes (account);
CREATE INDEX ON app.notes (at);
CREATE TABLE app.branches (bid int PRIMARY KEY, bbalance int, filler char(88));
INSERT INTO app.branches SELECT i, 0, '' FROM generate_series(0, :rows / 100000) i;
ALTER TABLE app.accounts ADD FOREIGN KEY (bid) REFERENCES app.branches;
VACUUM ANALYZE;
CHECKPOINT;
