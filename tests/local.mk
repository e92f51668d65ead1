# Tests.  `make check` runs the units, the integration tests and the differential tests; tests/run prints one sum for all of them.
# `make drivers-check` runs real drivers and ORMs; `make fuzz FUZZ_SECONDS=60` runs the fuzz targets in turn (configure --enable-fuzz, CC=clang).

UNIT_TEST = tests/unit/unit.test
PLAN_CACHE_TEST = tests/unit/plan_cache.test
UNIT_TESTS = $(UNIT_TEST) $(PLAN_CACHE_TEST)
INTEGRATION_TEST = tests/integration/integration.test
DIFFERENTIAL_TEST = tests/differential/differential.test
TPCH_TEST = tests/differential/tpch.test
DIFFERENTIAL_TESTS = $(DIFFERENTIAL_TEST) $(TPCH_TEST)
DRIVERS_TEST = tests/drivers/drivers.test
EXTRA_PROGRAMS += $(UNIT_TESTS) $(INTEGRATION_TEST) $(DIFFERENTIAL_TESTS) $(DRIVERS_TEST)

tests_unit_unit_test_SOURCES = \
	tests/unit/certificates.c \
	tests/unit/forger.c \
	tests/unit/merge_rows.c \
	tests/unit/plan_town.c \
	tests/unit/stream_scene.c \
	tests/unit/test_analyze.c \
	tests/unit/test_arena.c \
	tests/unit/test_auth.c \
	tests/unit/test_balance.c \
	tests/unit/test_buffer.c \
	tests/unit/test_catalog.c \
	tests/unit/test_function_class.c \
	tests/unit/test_function_query.c \
	tests/unit/test_cipher.c \
	tests/unit/test_cipher_watched.c \
	tests/unit/test_copy_split.c \
	tests/unit/test_gather_rows.c \
	tests/unit/test_group_merge.c \
	tests/unit/test_keyspace.c \
	tests/unit/test_merge.c \
	tests/unit/test_normalise.c \
	tests/unit/test_numeric_binary.c \
	tests/unit/test_pass_through.c \
	tests/unit/test_plan.c \
	tests/unit/test_plan_describe.c \
	tests/unit/test_gather_early.c \
	tests/unit/test_plan_gather.c \
	tests/unit/test_plan_groups.c \
	tests/unit/test_plan_rows.c \
	tests/unit/test_plan_split.c \
	tests/unit/test_pool_deadlock.c \
	tests/unit/test_settings.c \
	tests/unit/test_settings_mistakes.c \
	tests/unit/test_stream.c \
	tests/unit/test_stream_tls.c \
	tests/unit/test_text_order.c \
	tests/unit/test_trigger_text.c \
	tests/unit/test_utility.c \
	tests/unit/test_wire.c \
	tests/unit/test_worker.c \
	tests/unit/town.c \
	tests/unit/certificates.h \
	tests/unit/forger.h \
	tests/unit/merge_rows.h \
	tests/unit/plan_town.h \
	tests/unit/settings_files.h \
	tests/unit/stream_scene.h \
	tests/unit/town.h

tests_unit_unit_test_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_unit_test_LDADD = $(PROXY_LIBS) $(CRITERION_LIBS)

# Its planner is a counting one of its own, so it cannot live in one program with the real planner.
tests_unit_plan_cache_test_SOURCES = tests/unit/test_plan_cache.c
tests_unit_plan_cache_test_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_unit_plan_cache_test_LDADD = $(ROUTER_LIBS) $(CRITERION_LIBS)

tests_integration_integration_test_SOURCES = \
	tests/integration/ask.c \
	tests/integration/cluster.c \
	tests/integration/console.c \
	tests/integration/fixture.c \
	tests/integration/main.c \
	tests/integration/process.c \
	tests/integration/raw.c \
	tests/integration/test_balance.c \
	tests/integration/test_basics.c \
	tests/integration/test_cancel.c \
	tests/integration/test_chaos.c \
	tests/integration/test_contention.c \
	tests/integration/test_copy.c \
	tests/integration/test_cursors.c \
	tests/integration/test_explain.c \
	tests/integration/test_console.c \
	tests/integration/test_gather.c \
	tests/integration/test_gather_ways.c \
	tests/integration/test_hostile.c \
	tests/integration/test_inserts.c \
	tests/integration/test_limits.c \
	tests/integration/test_limits_servers.c \
	tests/integration/test_leaving.c \
	tests/integration/test_locking.c \
	tests/integration/test_logins.c \
	tests/integration/test_memory.c \
	tests/integration/test_misfits.c \
	tests/integration/test_moments.c \
	tests/integration/test_moves.c \
	tests/integration/test_pgbench.c \
	tests/integration/test_pipelines.c \
	tests/integration/test_pool_modes.c \
	tests/integration/test_prepared.c \
	tests/integration/test_refusals.c \
	tests/integration/test_reload.c \
	tests/integration/test_routing.c \
	tests/integration/test_sessions.c \
	tests/integration/test_stored_rows.c \
	tests/integration/test_shard_down.c \
	tests/integration/test_shutdown.c \
	tests/integration/test_tls.c \
	tests/integration/test_transactions.c \
	tests/integration/watch.c \
	tests/integration/cluster.h \
	tests/integration/console.h \
	tests/integration/fixture.h \
	tests/integration/process.h \
	tests/integration/watch.h \
	tests/integration/raw.h

tests_integration_integration_test_CPPFLAGS = $(AM_CPPFLAGS) $(CRITERION_CFLAGS)
tests_integration_integration_test_LDADD = $(CRITERION_LIBS) $(LIBPQ_LIBS) $(OPENSSL_LIBS)

# Needs no criterion: it counts by itself.
tests_differential_differential_test_SOURCES = \
	tests/differential/answer.c \
	tests/differential/corpus.c \
	tests/differential/endpoint.c \
	tests/differential/generate.c \
	tests/differential/generate_condition.c \
	tests/differential/generate_query.c \
	tests/differential/generate_value.c \
	tests/differential/generate_write.c \
	tests/differential/layout.c \
	tests/differential/main.c \
	tests/differential/random.c \
	tests/differential/shrink.c \
	tests/differential/tables.c \
	tests/differential/tally.c \
	tests/differential/term.c \
	tests/differential/trial.c \
	tests/integration/cluster.c \
	tests/integration/process.c \
	tests/differential/answer.h \
	tests/differential/corpus.h \
	tests/differential/endpoint.h \
	tests/differential/generate.h \
	tests/differential/generate_inside.h \
	tests/differential/layout.h \
	tests/differential/random.h \
	tests/differential/shrink.h \
	tests/differential/tables.h \
	tests/differential/tally.h \
	tests/differential/term.h \
	tests/differential/trial.h
tests_differential_differential_test_LDADD = libconfig.a $(LIBPQ_LIBS)

tests_differential_tpch_test_SOURCES = \
	tests/differential/answer.c \
	tests/differential/corpus.c \
	tests/differential/endpoint.c \
	tests/differential/layout.c \
	tests/differential/trial.c \
	tests/differential/tpch/dice.c \
	tests/differential/tpch/main.c \
	tests/differential/tpch/rows.c \
	tests/differential/tpch/spread.c \
	tests/differential/tpch/words.c \
	tests/integration/cluster.c \
	tests/integration/process.c \
	tests/differential/tpch/dice.h \
	tests/differential/tpch/rows.h \
	tests/differential/tpch/spread.h \
	tests/differential/tpch/words.h
tests_differential_tpch_test_LDADD = $(LIBPQ_LIBS)

# Needs the drivers themselves (Debian's packages, listed in bootstrap), and is not part of `make check` for that.
tests_drivers_drivers_test_SOURCES = \
	tests/differential/endpoint.c \
	tests/drivers/main.c \
	tests/drivers/transcript.c \
	tests/integration/cluster.c \
	tests/integration/process.c \
	tests/differential/endpoint.h \
	tests/drivers/transcript.h
tests_drivers_drivers_test_LDADD = $(LIBPQ_LIBS)

TEST_ENVIRONMENT = PG_BINDIR="$(PG_BINDIR)" SOURCE_DIR="$(abs_srcdir)" \
	KEYWAY="$${KEYWAY:-$(abs_builddir)/keyway$(EXEEXT)}" HOT_PATH="$(abs_builddir)/$(HOT_PATH)"

.PHONY: check-programs unit-programs unit-check integration-check differential-check tpch-check drivers-check fuzz fuzz-programs
differential-check: keyway$(EXEEXT) $(DIFFERENTIAL_TEST)
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(DIFFERENTIAL_TEST)

tpch-check: keyway$(EXEEXT) $(TPCH_TEST)
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(TPCH_TEST)

drivers-check: keyway$(EXEEXT) $(DRIVERS_TEST)
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(DRIVERS_TEST)

if HAVE_CRITERION
check-programs: keyway$(EXEEXT) $(UNIT_TESTS) $(INTEGRATION_TEST) $(DIFFERENTIAL_TESTS) $(DRIVERS_TEST) $(MICRO) $(HOT_PATH)

check-local: check-programs
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(UNIT_TESTS) $(abs_srcdir)/bench/check_instructions $(INTEGRATION_TEST) \
		$(DIFFERENTIAL_TESTS)

unit-programs: $(UNIT_TESTS)

unit-check: $(UNIT_TESTS)
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(UNIT_TESTS)

integration-check: keyway$(EXEEXT) $(INTEGRATION_TEST)
	$(TEST_ENVIRONMENT) $(srcdir)/tests/run $(INTEGRATION_TEST)
else
check-programs check-local unit-programs unit-check integration-check:
	@echo "make check needs criterion: install the Debian package libcriterion-dev and configure again" >&2
	@exit 1
endif

# ---- fuzzing ----

FUZZ_TARGETS = tests/fuzz/fuzz_normalise tests/fuzz/fuzz_wire tests/fuzz/fuzz_plan tests/fuzz/fuzz_copy tests/fuzz/fuzz_records
FUZZ_SECONDS = 60
EXTRA_PROGRAMS += $(FUZZ_TARGETS)
LIBFUZZER = $(AM_LDFLAGS) -fsanitize=fuzzer

tests_fuzz_fuzz_normalise_SOURCES = tests/fuzz/fuzz_normalise.c
tests_fuzz_fuzz_normalise_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_normalise_LDADD = $(ROUTER_LIBS)
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c
tests_fuzz_fuzz_wire_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_wire_LDADD = $(PROXY_LIBS)
tests_fuzz_fuzz_plan_SOURCES = tests/fuzz/fuzz_plan.c
tests_fuzz_fuzz_plan_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_plan_LDADD = $(PROXY_LIBS)
tests_fuzz_fuzz_copy_SOURCES = tests/fuzz/fuzz_copy.c
tests_fuzz_fuzz_copy_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_copy_LDADD = $(PROXY_LIBS)
tests_fuzz_fuzz_records_SOURCES = tests/fuzz/fuzz_records.c tests/unit/forger.c tests/unit/forger.h
tests_fuzz_fuzz_records_LDFLAGS = $(LIBFUZZER)
tests_fuzz_fuzz_records_LDADD = $(PROXY_LIBS)

if FUZZ
fuzz-programs: $(FUZZ_TARGETS)

fuzz: $(FUZZ_TARGETS)
	$(srcdir)/tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)
else
fuzz fuzz-programs:
	@echo "fuzzing needs: configure CC=clang --enable-fuzz" >&2
	@exit 1
endif

EXTRA_DIST += tests/run tests/fuzz/run tests/demo/run tests/thread_sanitizer.suppressions \
	$(srcdir)/tests/differential/*.sql
EXTRA_DIST += tests/run tests/fuzz/run tests/demo/run \
	tests/differential/aggregates.sql \
	tests/differential/catalog.sql \
	tests/differential/errors.sql \
	tests/differential/early.sql \
	tests/differential/joins.sql \
	tests/differential/keys.sql \
	tests/differential/locales.sql \
	tests/differential/reads.sql \
	tests/differential/session.sql \
	tests/differential/setup.sql \
	tests/differential/subqueries.sql \
	tests/differential/types.sql \
	tests/differential/writes.sql \
	tests/differential/tpch/queries.sql \
	tests/differential/tpch/setup.sql
EXTRA_DIST += tests/drivers/tables.ini tests/drivers/setup.sql tests/drivers/rows_left.sql \
	tests/drivers/transcript.py \
	tests/drivers/psycopg2_flows.py \
	tests/drivers/psycopg_flows.py \
	tests/drivers/asyncpg_flows.py \
	tests/drivers/Pgjdbc.java \
	tests/drivers/dbd_pg_flows.pl \
	tests/drivers/ruby_pg_flows.rb \
	tests/drivers/sqlalchemy_flows.py \
	tests/drivers/django_flows.py
CLEANFILES += $(UNIT_TESTS) $(INTEGRATION_TEST) $(DIFFERENTIAL_TESTS) $(DRIVERS_TEST) $(FUZZ_TARGETS)
