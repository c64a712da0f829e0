# what the peer left out is marked applied when this node rolls forward
# in: src/ops/merge_apply.c
# tests: test/t/032_merge_doubt.pl
/^roll_forward(/,/^}/s/steep_merge_book(&mark_left_out, values, NIL);/;/
