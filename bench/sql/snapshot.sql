-- Snapshot a table, or a pattern; prints how it ended.  \gset keeps the id from
-- a wait in the same transaction, in which the job would not start.
SELECT snapshot_id AS id FROM steep_repl.start_snapshot(:'path', :'compression', :parallel, :'options') \gset
SELECT status, coalesce(error_message, '') FROM steep_repl.wait_snapshot(:'id');
