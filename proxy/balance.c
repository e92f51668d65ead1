/*
 * A worker is full when it needs more than worker_load per cent of its thread's time, and clients are gathered where two together need less
 * than two thirds of that: what was gathered is far from being spread again.  Between a spreading and the next gathering some seconds pass,
 * and who has given or taken clients is left alone until it was measured without that: both are the caller's to count.
 */
#include "proxy/balance.h"

#include "proxy/keyway.h"

static int gathered_below(int full)
{
    return full * 2 / 3;
}

static int most(const struct balance_load *load)
{
    return load->busy > load->usual ? load->busy : load->usual;
}

static int emptiest_by_blocks(const struct balance_load *loads, int count)
{
    int found = 0;
    for (int i = 1; i < count; i++)
        if (loads[i].clients / CLIENT_BLOCK < loads[found].clients / CLIENT_BLOCK)
            found = i;
    return found;
}

static bool takes_more(const struct balance_load *load, int full)
{
    return load->clients < CLIENT_BLOCK || (load->clients < BALANCE_MOST && load->busy <= gathered_below(full));
}

int balance_place(const struct balance_load *loads, int count, int full)
{
    int found = -1;
    for (int i = 0; i < count && full > 0; i++)
        if (takes_more(&loads[i], full) && (found < 0 || loads[i].clients > loads[found].clients))
            found = i;
    return found >= 0 ? found : emptiest_by_blocks(loads, count);
}

/* Those who already have a part in a move, or have had one just now. */
struct balance_view {
    const struct balance_load *loads;
    int count, full;
    bool taken[KEYWAY_MAX_WORKERS];
    int more[KEYWAY_MAX_WORKERS]; /* busy with what is going to be gathered there */
    int more_clients[KEYWAY_MAX_WORKERS];
};

static bool is_free(const struct balance_view *view, int worker)
{
    return !view->taken[worker] && !view->loads[worker].settles;
}

/* A second or so of much work is needed: once spread, clients are not gathered again before there is little. */
static bool is_full(const struct balance_load *load, int full)
{
    return load->busy > full && load->usual > gathered_below(full);
}

static int find_full(const struct balance_view *view)
{
    int found = -1;
    for (int i = 0; i < view->count; i++) {
        const struct balance_load *load = &view->loads[i];
        if (is_free(view, i) && is_full(load, view->full) && load->clients > CLIENT_BLOCK &&
            (found < 0 || load->busy > view->loads[found].busy))
            found = i;
    }
    return found;
}

/* One that has clients and carries half of both as well, rather than one that has none; else the least busy. */
static int find_receiver(const struct balance_view *view, int from)
{
    int least = -1, fit = -1;
    for (int i = 0; i < view->count; i++) {
        const struct balance_load *load = &view->loads[i];
        if (i == from || !is_free(view, i))
            continue;
        if (least < 0 || load->busy < view->loads[least].busy)
            least = i;
        bool fits = load->clients > 0 && (load->busy + view->loads[from].busy) / 2 <= view->full * 5 / 6;
        if (fits && (fit < 0 || load->busy > view->loads[fit].busy))
            fit = i;
    }
    int found = fit >= 0 ? fit : least;
    return found >= 0 && view->loads[from].busy - view->loads[found].busy > view->full / 3 ? found : -1;
}

static bool spread(struct balance_view *view, struct balance_move *move)
{
    int from = find_full(view), to = from >= 0 ? find_receiver(view, from) : -1;
    if (from >= 0)
        view->taken[from] = true;
    if (to < 0)
        return false;
    view->taken[to] = true;
    int busy = view->loads[from].busy;
    *move = (struct balance_move){from, to, (busy - view->loads[to].busy) * BALANCE_WHOLE / 2 / busy};
    return true;
}

static int compare_clients(const struct balance_view *view, int left, int right)
{
    int difference = view->loads[left].clients - view->loads[right].clients;
    return difference != 0 ? difference : right - left;
}

/* The busiest of those with more clients that can carry this worker's as well. */
static int find_gatherer(const struct balance_view *view, int from)
{
    int found = -1, found_busy = 0;
    for (int i = 0; i < view->count; i++) {
        int busy = most(&view->loads[i]) + view->more[i];
        if (!is_free(view, i) || compare_clients(view, i, from) <= 0 || busy + most(&view->loads[from]) > gathered_below(view->full) ||
            view->loads[i].clients + view->more_clients[i] + view->loads[from].clients > BALANCE_MOST)
            continue;
        if (found < 0 || busy > found_busy) {
            found = i;
            found_busy = busy;
        }
    }
    return found;
}

/* Of those with clients that have taken none yet, the one with the fewest. */
static int find_smallest(const struct balance_view *view, const bool *asked)
{
    int found = -1;
    for (int i = 0; i < view->count; i++)
        if (is_free(view, i) && !asked[i] && view->loads[i].clients > 0 && view->more_clients[i] == 0 &&
            (found < 0 || compare_clients(view, i, found) < 0))
            found = i;
    return found;
}

static int gather(struct balance_view *view, struct balance_move *moves)
{
    bool asked[KEYWAY_MAX_WORKERS] = {false};
    int made = 0;
    for (int from = find_smallest(view, asked); from >= 0; from = find_smallest(view, asked)) {
        int to = find_gatherer(view, from);
        asked[from] = true;
        if (to < 0)
            continue;
        view->taken[from] = true;
        view->more[to] += most(&view->loads[from]);
        view->more_clients[to] += view->loads[from].clients;
        moves[made++] = (struct balance_move){from, to, BALANCE_WHOLE};
    }
    return made;
}

int balance_decide(const struct balance_load *loads, int count, int full, bool may_gather, struct balance_move *moves)
{
    struct balance_view view = {.loads = loads, .count = count, .full = full};
    int made = 0;
    if (full == 0)
        return 0;
    while (find_full(&view) >= 0)
        made += spread(&view, &moves[made]);
    return made > 0 || !may_gather ? made : gather(&view, moves);
}
