/*
 * initdb runs once; every server is a copy of that folder.  The servers are told apart by their ports only,
 * which the main process leaves in the environment for the tests' processes.  PostgreSQL refuses to run as
 * root, so root runs it as `postgres`.
 */
#include "tests/integration/cluster.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const server_options =
    "-c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off "
    "-c max_connections=150 -c shared_buffers=16MB -c ssl=on -c timezone=UTC -c max_prepared_transactions=20 "
    "-c log_min_messages=fatal -c autovacuum=off";

/* Who must log in how; everybody else is trusted. */
static const char *const host_rules = "local   all all trust\\n"
                                      "host    all scram_user 127.0.0.1/32 scram-sha-256\\n"
                                      "host    all md5_user 127.0.0.1/32 md5\\n"
                                      "host    all password_user 127.0.0.1/32 password\\n"
                                      "hostnossl all tls_user 127.0.0.1/32 reject\\n"
                                      "hostssl all cert_user 127.0.0.1/32 cert map=cert\\n"
                                      "host    all all 127.0.0.1/32 trust\\n";

long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
}

int run(const char *format, ...)
{
    char command[8192];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t) length < sizeof command);
    return system(command);
}

int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *) &address, length) != 0 ||
        getsockname(fd, (struct sockaddr *) &address, &length) != 0) {
        perror("no free port");
        exit(1);
    }
    close(fd);
    return ntohs(address.sin_port);
}

const char *cluster_folder(void)
{
    const char *folder = getenv("KEYWAY_TEST_FOLDER");
    assert(folder);
    return folder;
}

int cluster_port(int server)
{
    char name[40];
    snprintf(name, sizeof name, "KEYWAY_TEST_PORT_%d", server);
    const char *port = getenv(name);
    assert(port);
    return atoi(port);
}

static void failure_mark(char *path, size_t size)
{
    snprintf(path, size, "%s/failed", cluster_folder());
}

void cluster_note_failure(void)
{
    char path[600];
    failure_mark(path, sizeof path);
    FILE *file = fopen(path, "w");
    assert(file);
    fclose(file);
}

bool cluster_has_failure(void)
{
    char path[600];
    failure_mark(path, sizeof path);
    return access(path, F_OK) == 0;
}

static const char *pg_bindir(void)
{
    const char *folder = getenv("PG_BINDIR");
    return folder ? folder : "/usr/lib/postgresql/15/bin";
}

static const char *as_postgres(void)
{
    return getuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups --" : "";
}

static int start_once(int server)
{
    return run("cd / && %s %s/pg_ctl -D %s/server%d -l %s/server%d.log -w -s -t 30 -o '-p %d -c "
               "unix_socket_directories=%s %s' start > /dev/null 2>&1",
               as_postgres(), pg_bindir(), cluster_folder(), server, cluster_folder(), server,
               cluster_port(server), cluster_folder(), server_options);
}

static PGPing ping(int server)
{
    char conninfo[100];
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=postgres user=postgres",
             cluster_port(server));
    return PQping(conninfo);
}

/* After a kill the old backends' shared memory may linger for a moment, and the new postmaster refuses
 * meanwhile. */
void cluster_start_server(int server)
{
    long deadline = milliseconds() + 30000;
    while (start_once(server) != 0 && milliseconds() < deadline)
        pause_briefly();
    assert(ping(server) == PQPING_OK);
}

static pid_t postmaster(int server)
{
    char path[600];
    snprintf(path, sizeof path, "%s/server%d/postmaster.pid", cluster_folder(), server);
    FILE *file = fopen(path, "r");
    int pid = 0;
    if (file) {
        if (fscanf(file, "%d", &pid) != 1)
            pid = 0;
        fclose(file);
    }
    return pid;
}

static pid_t parent_of(pid_t pid)
{
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
            parent = 0;
        fclose(file);
    }
    return parent;
}

void cluster_kill_server(int server)
{
    pid_t main_process = postmaster(server), victims[400];
    int count = 0;
    if (main_process <= 0)
        return;
    kill(main_process, SIGSTOP); /* no new children while we look */
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        pid_t pid = atoi(entry->d_name);
        if (pid > 0 && count < 400 && parent_of(pid) == main_process)
            victims[count++] = pid;
    }
    if (processes)
        closedir(processes);
    kill(main_process, SIGKILL);
    for (int i = 0; i < count; i++)
        kill(victims[i], SIGKILL);
    while (ping(server) != PQPING_NO_RESPONSE)
        pause_briefly();
}

void cluster_stop_server(int server)
{
    run("cd / && %s %s/pg_ctl -D %s/server%d -w -s -m fast stop > /dev/null 2>&1", as_postgres(), pg_bindir(),
        cluster_folder(), server);
}

/* Cheaper than to ask it, for each question costs it a process.  Where the process is at home tells a postmaster from another
 * one that has got its number after its end. */
static bool is_up(int server)
{
    char path[64], home[600], expected[600];
    snprintf(path, sizeof path, "/proc/%d/cwd", (int) postmaster(server));
    ssize_t length = readlink(path, home, sizeof home - 1);
    home[length < 0 ? 0 : length] = '\0';
    snprintf(expected, sizeof expected, "%s/server%d", cluster_folder(), server);
    return strcmp(home, expected) == 0;
}

void cluster_ensure(void)
{
    for (int i = 0; i < CLUSTER_SERVERS; i++)
        if (!is_up(i))
            cluster_start_server(i);
}

static pid_t children[CLUSTER_SERVERS];

static bool await_children(void)
{
    bool good = true;
    for (int i = 0; i < CLUSTER_SERVERS; i++) {
        int status = 0;
        if (children[i] != 0)
            good &= waitpid(children[i], &status, 0) == children[i] && status == 0;
        children[i] = 0;
    }
    return good;
}

/* Do the work for 0 … count - 1, each in a process of its own; false if one of them said so.  Whoever ends us meanwhile waits for them:
 * what they have half done could not be undone. */
static bool side_by_side(int count, bool (*work)(int number))
{
    assert(count <= CLUSTER_SERVERS);
    fflush(NULL);
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            signal(SIGINT, SIG_IGN);
            signal(SIGTERM, SIG_IGN);
            _exit(!work(i));
        }
    }
    return await_children();
}

static bool make_certificates(const char *folder)
{
    return run("cd %s && exec > openssl.log 2>&1 && "
               "openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=keyway-test-ca -keyout ca.key "
               "-out ca.crt && "
               "for who in server client other; do "
               "  case $who in server) cn=127.0.0.1 ;; client) cn=app ;; other) cn=somebody ;; esac; "
               "  openssl req -newkey rsa:2048 -nodes -subj /CN=$cn -keyout $who.key -out $who.csr && "
               "  printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n' > $who.ext && "
               "  openssl x509 -req -days 3 -in $who.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile "
               "$who.ext "
               "    -out $who.crt || exit 1; "
               "done; chmod 600 *.key",
               folder) == 0;
}

/* The machine may have C.UTF-8 only, and its own list is not touched: with LOCPATH the C library looks here. */
static bool make_locale(const char *folder, const char *language)
{
    return run("mkdir -p %s/locales && localedef -i %s -f UTF-8 %s/locales/%s.UTF-8 > %s/localedef-%s.log 2>&1", folder, language,
               folder, language, folder, language) == 0;
}

static bool prepare(int number)
{
    return number == 0   ? make_certificates(cluster_folder())
           : number == 1 ? make_locale(cluster_folder(), "C")
                         : make_locale(cluster_folder(), "en_US");
}

static bool make_certificates_and_locales(void)
{
    char path[500];
    snprintf(path, sizeof path, "%s/locales", cluster_folder());
    setenv("LOCPATH", path, 1);
    return side_by_side(3, prepare);
}

static void initdb_locale(const char *locale, char *options, size_t size)
{
    if (strncmp(locale, "icu:", 4) != 0)
        snprintf(options, size, "--locale=%s", locale);
    else
        snprintf(options, size, "--locale=C.UTF-8 --locale-provider=icu --icu-locale=%s", locale + 4);
}

static bool make_template(const char *folder, const char *locale)
{
    char options[200];
    initdb_locale(locale, options, sizeof options);
    /* With segments of 1 MB a copy of it is two thirds as large. */
    return run("cd %s && %s %s/initdb -D server0 -U postgres -A trust -E UTF8 %s --no-sync --wal-segsize=1 > "
               "initdb.log 2>&1 && "
               "cp server.crt server.key ca.crt server0/ && printf '%s' > server0/pg_hba.conf && "
               "printf 'cert app cert_user\\n' > server0/pg_ident.conf && echo \"ssl_ca_file = 'ca.crt'\" >> "
               "server0/postgresql.conf && %s",
               folder, as_postgres(), pg_bindir(), options, host_rules,
               getuid() == 0 ? "chown postgres server0/server.key server0/server.crt server0/ca.crt"
                             : "true") == 0;
}

static bool make_roles(int server)
{
    return run("%s/psql -X -q -h 127.0.0.1 -p %d -U postgres -d postgres -v ON_ERROR_STOP=1 "
               "-c 'CREATE ROLE app LOGIN SUPERUSER' -c 'CREATE DATABASE app OWNER app' "
               "-c \"CREATE ROLE scram_user LOGIN PASSWORD 'scram secret'\" "
               "-c \"SET password_encryption = md5\" -c \"CREATE ROLE md5_user LOGIN PASSWORD 'md5 secret'\" "
               "-c \"CREATE ROLE password_user LOGIN PASSWORD 'plain secret'\" "
               "-c 'CREATE ROLE tls_user LOGIN' -c 'CREATE ROLE cert_user LOGIN' -c 'CREATE ROLE other "
               "LOGIN'",
               pg_bindir(), cluster_port(server)) == 0;
}

/* Objects that the servers make get OIDs that tell them apart: nothing may rely on their being the same. */
static bool part_oids(int server)
{
    return run("cd / && %s %s/pg_resetwal -o %d -D %s/server%d > /dev/null", as_postgres(), pg_bindir(),
               100000 * (server + 1), cluster_folder(), server) == 0;
}

static bool copy_template(int server)
{
    return server == 0 || run("%s cp -r %s/server0 %s/server%d", as_postgres(), cluster_folder(), cluster_folder(), server) == 0;
}

static bool bring_up(int server)
{
    if (!part_oids(server))
        return false;
    cluster_start_server(server);
    return make_roles(server);
}

static void remember(const char *name, int number, const char *value)
{
    char variable[60];
    snprintf(variable, sizeof variable, number >= 0 ? "%s_%d" : "%s", name, number);
    setenv(variable, value, 1);
}

/* Each another one, though nobody listens on them yet. */
static void remember_ports(void)
{
    int ports[CLUSTER_SERVERS];
    for (int i = 0; i < CLUSTER_SERVERS; i++) {
        char text[12];
        bool taken = true;
        while (taken) {
            ports[i] = free_port();
            taken = false;
            for (int k = 0; k < i; k++)
                taken |= ports[k] == ports[i];
        }
        snprintf(text, sizeof text, "%d", ports[i]);
        remember("KEYWAY_TEST_PORT", i, text);
    }
}

bool cluster_create(const char *locale)
{
    char folder[] = "/tmp/keyway-test.XXXXXX";
    if (!mkdtemp(folder) || chmod(folder, 0777) != 0)
        return false;
    remember("KEYWAY_TEST_FOLDER", -1, folder);
    if (!make_certificates_and_locales() || !make_template(folder, locale)) {
        fprintf(stderr, "certificates, localedef (Debian package locales) or initdb failed:\n");
        run("cd %s && cat openssl.log localedef-*.log initdb.log >&2", folder);
        return false;
    }
    remember_ports();
    return side_by_side(CLUSTER_SERVERS, copy_template) && side_by_side(CLUSTER_SERVERS, bring_up);
}

static void signal_servers(int number)
{
    for (int i = 0; i < CLUSTER_SERVERS; i++)
        if (is_up(i))
            kill(postmaster(i), number);
}

static bool any_is_up(void)
{
    bool any = false;
    for (int i = 0; i < CLUSTER_SERVERS; i++)
        any |= is_up(i);
    return any;
}

void cluster_destroy(void)
{
    if (!getenv("KEYWAY_TEST_FOLDER"))
        return;
    await_children();
    long deadline = milliseconds() + 30000;
    signal_servers(SIGQUIT); /* immediate shutdown */
    signal_servers(SIGCONT);
    while (any_is_up() && milliseconds() < deadline)
        pause_briefly();
    signal_servers(SIGKILL);
    if (!getenv("KEYWAY_TEST_KEEP"))
        run("rm -rf %s", cluster_folder());
}
