# numerics that are equal but print differently, 1.0 and 1.00, have one digest
# in: src/base/canonical_numeric.c
# tests: test/sql/digest.sql test/t/030_merge.pl
s/(uint16) parts\.ndigits), parts\.sign_dscale)/(uint16) parts.ndigits), parts.sign_dscale \& NEGATIVE)/
