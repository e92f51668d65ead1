/*
 * What the client wrote with set_config() cannot be repeated on other servers: its parameters are gone by then.
 */
#include "proxy/run_settings.h"

#include <ctype.h>
#include <string.h>

#include "proxy/keyway.h"
#include "proxy/session.h"
#include "router/limited_settings.h"
#include "router/sql_types.h"

/* A text's binary form is its characters, too, but an integer's is not, nor its text what a cast would make of it.  Not declared, it is a text: nothing
 * else in the statement says what it is. */
static bool is_text(uint32_t type)
{
    return type == 0 || type == TYPE_text || type == TYPE_varchar || type == TYPE_unknown;
}

static struct session_store *sessions_of(const struct client *client)
{
    return worker_state(client->stream.worker)->sessions;
}

static const struct bind_value *parameter_of(const struct execution *execution, int parameter)
{
    const struct bind_values *values = &execution->bind.values;
    return parameter < values->count ? &values->values[parameter] : NULL;
}

static const char *bound_text(struct run *run, const struct execution *execution, int parameter)
{
    const struct bind_value *value = parameter_of(execution, parameter);
    return value->length < 0 ? NULL : arena_strndup(&run->arena, value->bytes, (size_t) value->length);
}

static const char *lower(struct run *run, const char *name)
{
    char *copy = arena_strdup(&run->arena, name);
    for (char *at = copy; at && *at; at++)
        *at = (char) tolower((unsigned char) *at);
    return copy;
}

static bool refuse_null(struct error *error)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "set_config() of NULL is not supported");
    error_detail(error, "Every server must get the same setting, and each has a default of its own.");
    error_hint(error, "Use RESET.");
    return false;
}

static bool refuse_type(struct error *error)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "set_config() of a parameter that is not a text is not supported");
    error_detail(error, "Every server must get the same setting, and what a cast makes of the parameter is not known.");
    error_hint(error, "Give it as a text.");
    return false;
}

static bool is_given_as_text(const struct execution *execution, const char *text, int parameter)
{
    return text || is_text(parameter_of(execution, parameter)->type);
}

static bool read_one(struct run *run, const struct execution *execution, const struct plan_setting *setting, struct run_setting *read,
                     struct error *error)
{
    struct buffer sql = {0};
    if (!is_given_as_text(execution, setting->name, setting->name_parameter) ||
        !is_given_as_text(execution, setting->value, setting->value_parameter))
        return refuse_type(error);
    read->local = setting->local;
    read->name = setting->name ? setting->name : lower(run, bound_text(run, execution, setting->name_parameter));
    read->value = setting->value ? setting->value : bound_text(run, execution, setting->value_parameter);
    if (!read->name || !read->value)
        return refuse_null(error);
    if (setting->limited && !setting_is_supported(read->name, read->value, error))
        return false;
    session_set_statement(&sql, read->name, read->value, read->local);
    read->sql = arena_strndup(&run->arena, (const char *) buffer_data(&sql), buffer_length(&sql));
    buffer_free(&sql);
    return true;
}

static bool has_parameter(const struct execution *execution, const char *text, int parameter)
{
    return text || parameter_of(execution, parameter);
}

bool run_settings_read(struct run *run, const struct execution *execution, struct error *error)
{
    const struct plan *plan = execution->plan;
    struct run_setting *settings = arena_alloc_array(&run->arena, (size_t) plan->setting_count, sizeof(*settings));
    run->settings = NULL;
    for (int i = 0; i < plan->setting_count; i++) {
        const struct plan_setting *setting = &plan->settings[i];
        if (!has_parameter(execution, setting->name, setting->name_parameter) || !has_parameter(execution, setting->value, setting->value_parameter))
            return true;
        if (!read_one(run, execution, setting, &settings[i], error))
            return false;
    }
    run->settings = settings;
    return true;
}

/* --- afterwards ---------------------------------------------------------------------------------------------- */

/* The value of a SET that is a list (search_path): what stands behind = or TO. */
static const char *value_behind(const char *text, struct arena *arena)
{
    const char *equals = strchr(text, '='), *to = strcasestr(text, " to ");
    const char *value = equals && (to == NULL || equals < to) ? equals + 1 : to ? to + 4 : NULL;
    if (value == NULL)
        return NULL;
    size_t length = strlen(value);
    while (length > 0 && strchr(" \t\r\n;", value[length - 1]))
        length--;
    while (length > 0 && strchr(" \t\r\n", *value)) {
        value++;
        length--;
    }
    return arena_strndup(arena, value, length);
}

/* The value a SET gives, as text; NULL if it is not a simple one. */
static const char *setting_value(struct run *run)
{
    const struct plan *plan = run->plan;
    bool path = plan->name && strcmp(plan->name, "search_path") == 0;
    if (plan->reset)
        return path ? run->client->view->state->search_path : NULL;
    if (plan->value == NULL && path)
        return value_behind(arena_strndup(&run->arena, run->text, run->text_length), &run->arena);
    return plan->value;
}

/* The session is another now: its transaction's servers, or the one that it was set on, have been told. */
static void setting_changed(struct run *run, const char *name)
{
    struct client *client = run->client;
    const struct plan *plan = run->plan;
    if (client->transaction.kind != TRANSACTION_NONE) {
        if (name && strcmp(name, "transaction_read_only") == 0)
            transaction_set_access(client, ACCESS_UNSAID);
        transaction_forget_local(client, name);
        client->transaction.reset |= plan->reset;
        return;
    }
    struct server *home = client_server(client, 0);
    if (home) { /* RESET has brought the shard's own value, not that of the startup packet */
        session_release(sessions_of(client), home->applied);
        home->applied = plan->reset ? NULL : session_hold(client->session);
    }
}

static void remember_setting(struct run *run)
{
    struct client *client = run->client;
    struct session_store *sessions = sessions_of(client);
    const struct plan *plan = run->plan;
    const char *text = arena_strndup(&run->arena, run->text, run->text_length);
    if (plan->reset)
        client->session = session_reset(sessions, client->session, plan->name);
    else
        client->session = session_set(sessions, client->session, plan->name, setting_value(run), text, false);
    setting_changed(run, plan->name);
}

/* A transaction whose access was set in another way than by SET TRANSACTION is asked for it. */
static void remember_local_setting(struct run *run)
{
    struct client *client = run->client;
    const struct plan *plan = run->plan;
    transaction_remember(client, plan->name, setting_value(run), run->text, run->text_length);
    if (plan->access != ACCESS_UNSAID || (plan->name && strcmp(plan->name, "transaction_read_only") == 0))
        transaction_set_access(client, plan->access);
}

static void remember_settings(struct run *run)
{
    struct client *client = run->client;
    for (int i = 0; run->settings && i < run->plan->setting_count; i++) {
        const struct run_setting *setting = &run->settings[i];
        if (run->plan->settings[i].if_known && run->rows == 0)
            continue;
        if (!setting->local) {
            client->session = session_set(sessions_of(client), client->session, setting->name, setting->value, setting->sql, false);
            setting_changed(run, setting->name);
        } else if (client->transaction.kind != TRANSACTION_NONE) {
            transaction_remember(client, setting->name, setting->value, setting->sql, strlen(setting->sql));
        }
    }
}

void run_settings_remember(struct run *run)
{
    const struct plan *plan = run->plan;
    if (plan->setting_count > 0)
        remember_settings(run);
    else if (plan->statement == STATEMENT_SET)
        remember_setting(run);
    else if (run->client->transaction.kind != TRANSACTION_NONE)
        remember_local_setting(run);
}
