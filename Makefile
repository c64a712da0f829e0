# steep_repl: build, install, check, demo, bench.
MODULE_big = steep_repl
EXTENSION = steep_repl
DATA = steep_repl--1.0.sql $(wildcard sql/migrations/*--*--*.sql)
PGFILEDESC = "steep_repl - keeps independent nodes reconcilable"

OBJS = $(filter-out $(CLI_OBJS),$(patsubst %.c,%.o,$(wildcard src/*.c src/*/*.c)))
CLI_OBJS = $(patsubst %.c,%.o,$(wildcard src/cli/*.c))
SCRIPTS_built = src/cli/steep-repl

PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-isystem $(shell $(PG_CONFIG) --includedir)
PG_CFLAGS = -std=gnu99 -Wall -Wextra -Werror -Wno-unused-parameter
SHLIB_LINK = -lpq $(FILES_LIBS)

# Snapshot files: each compression of which the library is there is built in,
# but for those of make WITHOUT="GZIP LZ4 ZSTD".
FILES_OBJS = $(patsubst %.c,%.o,$(wildcard src/files/*.c))
codec_GZIP = zlib.h z
codec_LZ4 = lz4frame.h lz4
codec_ZSTD = zstd.h zstd
includes = $(shell echo '\#include <$(1)>' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
CODECS := $(foreach c,$(filter-out $(WITHOUT),GZIP LZ4 ZSTD),$(if \
	$(call includes,$(word 1,$(codec_$(c)))),$(c)))
FILES_LIBS = -lcrypto $(foreach c,$(CODECS),-l$(word 2,$(codec_$(c))))
PG_CPPFLAGS += $(CODECS:%=-DSTEEP_WITH_%)

# clang does not know every flag that a server built with gcc asks for.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-unknown-warning-option
endif

# make TEST_POINTS=1 compiles in the named wait and fail points of the tests.
ifdef TEST_POINTS
PG_CPPFLAGS += -DSTEEP_TEST_POINTS
endif

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=test
EXTRA_CLEAN = test/files/snapfile $(CLI_OBJS)
TAP_TESTS = 1
PROVE_TESTS ?= test/t/*.pl
PROVE_FLAGS = -I test/perl

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)

# The targets below do their own set-up and then call make again, so that
# they work on a machine that has no PostgreSQL yet.
ifneq ($(filter demo check bench,$(MAKECMDGOALS)),)
.PHONY: demo check bench
demo check bench:
	@tools/$@
else
include $(PGXS)
$(OBJS) $(CLI_OBJS): $(wildcard src/*/*.h)

# The command line, with its manual and what completes words in shells.
$(SCRIPTS_built): $(CLI_OBJS) $(FILES_OBJS)
	$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LDFLAGS_EX) -lpq -lyaml $(FILES_LIBS) -o $@

BASH_COMPLETIONS = $(datadir)/bash-completion/completions
ZSH_COMPLETIONS = $(datadir)/zsh/site-functions
install: install-cli
install-cli: $(SCRIPTS_built)
	$(MKDIR_P) $(addprefix '$(DESTDIR)',$(mandir)/man1 $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS))
	$(INSTALL_DATA) src/cli/steep-repl.1 '$(DESTDIR)$(mandir)/man1'
	$< completion bash >'$(DESTDIR)$(BASH_COMPLETIONS)/steep-repl'
	$< completion zsh >'$(DESTDIR)$(ZSH_COMPLETIONS)/_steep-repl'

# A program for tests of src/files.
snapfile = test/files/snapfile
$(snapfile): $(wildcard test/files/*.[ch]) $(FILES_OBJS)
	$(CC) $(CFLAGS) $(CPPFLAGS) $(filter %.c %.o,$^) $(FILES_LIBS) -o $@
endif
