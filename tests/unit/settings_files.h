/*
 * Configuration files for tests: written into a folder of the test's own, loaded, and either accepted or
 * refused with exactly these reports.
 */
#ifndef KEYWAY_TEST_SETTINGS_FILES_H
#define KEYWAY_TEST_SETTINGS_FILES_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/settings.h"

static char folder[64];
static char path[128];
static struct diagnostics diagnostics;

static inline void make_folder(void)
{
    strcpy(folder, "/tmp/keyway-settings-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/keyway.ini", folder);
}

static inline void file_in_folder(char *buffer, size_t size, const char *name)
{
    snprintf(buffer, size, "%s/%s", folder, name);
}

static inline void write_file(const char *name, const char *text)
{
    char file[128];
    file_in_folder(file, sizeof(file), name);
    FILE *stream = fopen(file, "w");
    cr_assert(stream != NULL);
    fputs(text, stream);
    fclose(stream);
}

static inline void remove_folder(void)
{
    static const char *const names[] = {"keyway.ini", "users.txt", "cert.pem", "key.pem", "ca.pem"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char file[128];
        file_in_folder(file, sizeof(file), names[i]);
        unlink(file);
    }
    rmdir(folder);
    diagnostics_free(&diagnostics);
}

static inline struct settings *load(const char *text)
{
    write_file("keyway.ini", text);
    return settings_load(path, &diagnostics);
}

/* Everything reported, as diagnostics_print() writes it, without the folder's name. */
static inline char *reported(void)
{
    char *text = NULL, *out, *in;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    diagnostics_print(&diagnostics, stream);
    fclose(stream);
    size_t length = strlen(folder);
    for (in = out = text; *in;) {
        if (strncmp(in, folder, length) == 0 && in[length] == '/')
            in += length + 1;
        else
            *out++ = *in++;
    }
    *out = '\0';
    return text;
}

static inline void reports(const char *text, const char *expected)
{
    struct settings *settings = load(text);
    char *found = reported();
    cr_assert(eq(str, found, (char *) expected));
    cr_assert(settings == NULL);
    free(found);
    diagnostics_free(&diagnostics);
}

static inline struct settings *accepted(const char *text)
{
    struct settings *settings = load(text);
    char *found = reported();
    cr_assert(eq(str, found, ""));
    cr_assert(settings != NULL);
    free(found);
    return settings;
}

/* Lines 1 to 6 of most files here: two shards and their database. */
#define BASE                                                                                                 \
    "[shard east]\nconninfo = host=a\n"                                                                      \
    "[shard west]\nconninfo = host=b\n"                                                                      \
    "[database app]\nshards = east, west\n"

#endif
