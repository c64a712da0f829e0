-- On node a: what the hand-written ways need, for the peer at :port.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE EXTENSION IF NOT EXISTS dblink;
DROP SERVER IF EXISTS peer CASCADE;
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SERVER peer FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '127.0.0.1', port :'port', dbname 'bench', fetch_size '10000', batch_size '1000');
CREATE USER MAPPING FOR bench SERVER peer OPTIONS (user 'bench');
CREATE SCHEMA peer;
IMPORT FOREIGN SCHEMA public LIMIT TO (items) FROM SERVER peer INTO peer;
ANALYZE peer.items;
