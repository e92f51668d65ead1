/*
 * What the client wrote cannot be repeated on other servers: its parameters are gone by then.
 */
#include "proxy/run_settings.h"

#include <ctype.h>

#include "proxy/session.h"
#include "router/limited_settings.h"
#include "router/sql_types.h"

/* A text's binary form is its characters, too, but an integer's is not, nor its text what a cast would make of it.  Not declared, it is a text: nothing
 * else in the statement says what it is. */
static bool is_text(uint32_t type)
{
    return type == 0 || type == TYPE_text || type == TYPE_varchar || type == TYPE_unknown;
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
