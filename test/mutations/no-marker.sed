# a batch that the peer has committed is applied once more
# in: src/ops/merge_apply.c
# tests: test/t/032_merge_faults.pl
/^steep_merge_claim_batch(/,/^}/s/\[0\] != 't'/[0] == '\\0'/
