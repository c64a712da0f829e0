-- Apply a snapshot; prints how it ended.
SELECT snapshot_id AS id FROM steep_repl.start_apply(:'path', :parallel, :verify) \gset
SELECT status, coalesce(error_message, '') FROM steep_repl.wait_snapshot(:'id');
