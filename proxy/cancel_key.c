/*
 * One table for all workers.  A request is answered by no word to its sender, whatever becomes of it (PostgreSQL 15 protocol, 55.2.8).
 */
#include "proxy/cancel_key.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "config/arena.h"
#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/run.h"

enum { CANCEL_BUCKETS = 1024 };

struct cancel_entry {
    struct cancel_entry *next;
    uint32_t pid, key;
    struct client *client;
    struct worker *worker; /* NULL: it is on its way to another one, with nothing to cancel */
};

static struct cancel_entry *cancel_table[CANCEL_BUCKETS];
static pthread_mutex_t cancel_lock = PTHREAD_MUTEX_INITIALIZER;

/* Drawn for many clients at a time: what OpenSSL does around each draw takes longer than a login otherwise does here.  A number
 * is given once. */
static bool draw(uint32_t random[2])
{
    enum { DRAWN = 128 };
    static _Thread_local uint32_t drawn[DRAWN];
    static _Thread_local size_t left;
    if (left == 0) {
        if (RAND_bytes((unsigned char *) drawn, sizeof(drawn)) != 1)
            return false;
        left = DRAWN;
    }
    for (int i = 0; i < 2; i++) {
        random[i] = drawn[--left];
        drawn[left] = 0;
    }
    return true;
}

void cancel_key_draw(struct client *client)
{
    uint32_t random[2];
    if (!draw(random))
        return; /* no key that could be guessed: such a client cannot cancel */
    struct cancel_entry *entry = memory_alloc(sizeof(*entry));
    client->cancel_pid = entry->pid = random[0] & 0x7fffffff;
    client->cancel_key = entry->key = random[1];
    entry->client = client;
    entry->worker = client->stream.worker;
    pthread_mutex_lock(&cancel_lock);
    entry->next = cancel_table[entry->pid % CANCEL_BUCKETS];
    cancel_table[entry->pid % CANCEL_BUCKETS] = entry;
    pthread_mutex_unlock(&cancel_lock);
}

static struct cancel_entry **cancel_find(uint32_t pid, uint32_t key)
{
    struct cancel_entry **link = &cancel_table[pid % CANCEL_BUCKETS];
    while (*link && ((*link)->pid != pid || (*link)->key != key))
        link = &(*link)->next;
    return link;
}

void cancel_key_forget(struct client *client)
{
    if (client->cancel_pid == 0 && client->cancel_key == 0)
        return;
    pthread_mutex_lock(&cancel_lock);
    struct cancel_entry **link = cancel_find(client->cancel_pid, client->cancel_key), *entry = *link;
    if (entry)
        *link = entry->next;
    pthread_mutex_unlock(&cancel_lock);
    free(entry);
}

static void move_to(struct client *client, struct worker *worker)
{
    pthread_mutex_lock(&cancel_lock);
    struct cancel_entry *entry = *cancel_find(client->cancel_pid, client->cancel_key);
    if (entry && entry->client == client)
        entry->worker = worker;
    pthread_mutex_unlock(&cancel_lock);
}

void cancel_key_departs(struct client *client)
{
    move_to(client, NULL);
}

void cancel_key_arrives(struct client *client)
{
    move_to(client, client->stream.worker);
}

struct cancel_message {
    struct inbox_message message;
    uint32_t pid, key;
};

static void cancel_what_runs(struct client *client)
{
    if (client->waiting == WAIT_SERVER) {
        pool_give_up(&client->pool_wait);
        error_set(&client->pool_error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
        query_resume(client);
    }
    for (struct server *server = client->servers; server; server = server->next_lent)
        if (!server_is_quiet(server))
            server_cancel(server);
    run_cancel(client);
}

static void cancel_run(struct inbox_message *message, struct worker *worker)
{
    struct cancel_message *cancel = (struct cancel_message *) message;
    pthread_mutex_lock(&cancel_lock);
    struct cancel_entry *entry = *cancel_find(cancel->pid, cancel->key);
    struct worker *present = entry ? entry->worker : NULL;
    struct client *client = present == worker ? entry->client : NULL;
    pthread_mutex_unlock(&cancel_lock);
    if (present && present != worker) { /* it has moved since */
        worker_send(present, message);
        return;
    }
    free(cancel);
    if (client)
        cancel_what_runs(client);
}

void cancel_key_used(uint32_t pid, uint32_t key)
{
    pthread_mutex_lock(&cancel_lock);
    struct cancel_entry *entry = *cancel_find(pid, key);
    struct worker *worker = entry ? entry->worker : NULL;
    pthread_mutex_unlock(&cancel_lock);
    if (worker == NULL)
        return;
    struct cancel_message *message = memory_alloc(sizeof(*message));
    message->message.run = cancel_run;
    message->pid = pid;
    message->key = key;
    worker_send(worker, &message->message);
}
