# decisions are not marked as applied in the transaction that applies them
# in: src/ops/merge_apply.c
# tests: test/t/030_merge.pl
/^steep_merge_apply(/,/^}/s/if (written)/if (written \&\& false)/
