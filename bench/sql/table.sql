-- Make the table items, empty, on one node.
SET client_min_messages = warning;
DROP TABLE IF EXISTS items CASCADE;
CREATE TABLE items (
    id bigint PRIMARY KEY,
    customer int NOT NULL,
    quantity int NOT NULL,
    price numeric(12,2) NOT NULL,
    note text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    active boolean NOT NULL,
    attributes jsonb
);
