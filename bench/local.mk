# Benchmarks: `make bench` measures Keyway beside PgBouncer and a bare PostgreSQL in one run; `make bench-micro` what a statement costs
# inside Keyway; `make bench-start` how long it takes to the first answer over many tables.

MICRO = bench/micro
EXTRA_PROGRAMS += $(MICRO)

bench_micro_SOURCES = \
	bench/allocations.c \
	bench/bank.c \
	bench/micro.c \
	bench/way.c \
	bench/allocations.h \
	bench/bank.h \
	bench/way.h
bench_micro_LDADD = $(PROXY_LIBS)

# What callgrind counts is built from the sources by one compiler with one set of flags, whatever the rest is built with.
HOT_PATH = bench/hot_path
EXTRA_PROGRAMS += $(HOT_PATH)
bench_hot_path_SOURCES = \
	bench/bank.c \
	bench/hot_path.c \
	bench/way.c \
	$(libconfig_a_SOURCES) \
	$(librouter_a_SOURCES)
bench_hot_path_CFLAGS = $(AM_CFLAGS)
bench_hot_path_LDADD = $(PG_QUERY_LIBS) $(PG_COMMON_LIBS) $(INIH_LIBS) $(ICU_LIBS) $(LIBPQ_LIBS) -lm
$(HOT_PATH): CC = gcc
$(HOT_PATH): CFLAGS = -O2 -g
$(HOT_PATH): SANITIZE_FLAGS =

.PHONY: bench bench-micro bench-start instructions-check
bench: keyway$(EXEEXT)
	PG_BINDIR="$(PG_BINDIR)" SOURCE_DIR="$(abs_srcdir)" KEYWAY="$(abs_builddir)/keyway$(EXEEXT)" \
		$(srcdir)/bench/compare

bench-start: keyway$(EXEEXT)
	PG_BINDIR="$(PG_BINDIR)" KEYWAY="$(abs_builddir)/keyway$(EXEEXT)" $(srcdir)/bench/start

bench-micro: $(MICRO)
	./$(MICRO)

instructions-check: $(HOT_PATH)
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(abs_srcdir)/bench/check_instructions

EXTRA_DIST += bench/README.md bench/check_instructions bench/compare bench/instructions bench/report bench/servers bench/start
CLEANFILES += $(MICRO) $(HOT_PATH)
