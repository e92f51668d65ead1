# Benchmarks: `make bench` measures Keyway beside PgBouncer and a bare PostgreSQL in one run.

.PHONY: bench
bench: keyway$(EXEEXT)
	PG_BINDIR="$(PG_BINDIR)" SOURCE_DIR="$(abs_srcdir)" KEYWAY="$(abs_builddir)/keyway$(EXEEXT)" \
		$(srcdir)/bench/compare

EXTRA_DIST += bench/compare bench/README.md
