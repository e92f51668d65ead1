/*
 * Which tables a trigger function's text names.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "router/trigger_text.h"

Test(trigger_text, names_tables_where_statements_do)
{
    cr_expect(trigger_text_names("BEGIN INSERT INTO users VALUES (1); RETURN NEW; END", "users", false));
    cr_expect(trigger_text_names("SELECT count(*) INTO n FROM\n public.users u", "users", false));
    cr_expect(trigger_text_names("UPDATE ONLY Users SET a = 1", "users", false));
    cr_expect(trigger_text_names("DELETE FROM a USING \"users\"", "users", false));
    cr_expect(trigger_text_names("EXECUTE 'delete from users'", "users", false));
    cr_expect(trigger_text_names("SELECT FROM a JOIN /* all */ users ON true", "users", false));
}

Test(trigger_text, takes_no_other_words_for_tables)
{
    cr_expect(not(trigger_text_names("NEW.users := old.users + 1; -- from users\n", "users", false)));
    cr_expect(not(trigger_text_names("INSERT INTO users_log (users) SELECT u.users FROM users_old u", "users", false)));
    cr_expect(not(trigger_text_names("INSERT INTO users.log VALUES (1)", "users", false)));
    cr_expect(not(trigger_text_names("INSERT INTO \"Users\" VALUES (1)", "users", false)));
    cr_expect(not(trigger_text_names("", "users", false)));
}

Test(trigger_text, tells_changes_from_reads)
{
    cr_expect(not(trigger_text_names("SELECT name INTO n FROM countries", "countries", true)));
    cr_expect(trigger_text_names("DELETE FROM ONLY s.countries", "countries", true));
    cr_expect(trigger_text_names("TRUNCATE countries", "countries", true));
}
