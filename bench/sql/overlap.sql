-- steep_repl, with the peer at :peer.
SET client_min_messages = warning;
SELECT local_only_count, remote_only_count, match_count, conflict_count
FROM steep_repl.analyze_overlap(:'peer', ARRAY['public.items']);
