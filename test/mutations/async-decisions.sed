# workers commit without waiting for the disk, so a crash may forget decisions
# in: src/base/pinned.c
# tests: test/t/010_jobs.pl
s/{"synchronous_commit", "on", PIN_WORKER}/{"synchronous_commit", "off", PIN_WORKER}/
