# a batch that the peer has committed is applied once more
# in: src/ops/merge_apply.c
# tests: test/t/032_merge_faults.pl
/^claim(/,/^}/s/return .*;/return claimed[0] != '\\0';/
