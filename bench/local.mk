# Benchmarks: `make bench` measures Keyway beside PgBouncer and a bare PostgreSQL in one run; `make bench-micro` what a statement costs
# inside Keyway.

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

.PHONY: bench bench-micro
bench: keyway$(EXEEXT)
	PG_BINDIR="$(PG_BINDIR)" SOURCE_DIR="$(abs_srcdir)" KEYWAY="$(abs_builddir)/keyway$(EXEEXT)" \
		$(srcdir)/bench/compare

bench-micro: $(MICRO)
	./$(MICRO)

EXTRA_DIST += bench/compare bench/README.md
CLEANFILES += $(MICRO)
