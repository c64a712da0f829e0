# rows that moved since they were decided on are overwritten
# in: src/generate/merge_write_sql.c
# tests: test/t/032_merge_races.pl
s/"WHERE l\.digest IS DISTINCT FROM w\.digest"/"WHERE l.digest IS DISTINCT FROM w.digest AND false"/
