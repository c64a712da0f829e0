# rows that moved since the peer committed are overwritten when this node rolls forward
# in: src/ops/merge_write.c
# tests: test/t/032_merge_doubt.pl
/^lock_rows(/,/^}/s/mark_moved(apply, pair, here);/if (!apply->forward) &/
