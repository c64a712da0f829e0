# a cancel ends a merge that the peer has committed
# in: src/ops/merge_apply.c
# tests: test/t/030_merge_refused.pl
/^hold_cancel(/,/^}/{
	s/HOLD_CANCEL_INTERRUPTS();//
	s/apply->step->decided = true;//
}
