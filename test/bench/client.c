#define _GNU_SOURCE   /* sched_setaffinity */
/*
 * Load generator of the bench: prepared statement, binary parameters and results, one thread per connection,
 * nothing in the loop but libpq. A script language in this place would measure itself.
 *
 *   client CONNINFO SETUP STATEMENT RECORDS RECORD_BYTES PARAM_OID MODE ARG CLIENTS [OUT]
 *
 * RECORDS is a file of parameter values already in the binary wire format, RECORD_BYTES each.
 * MODE  answers  runs the statement once per record and writes the first column (int4) of up to ARG rows of each
 *                answer to OUT as ARG int32 per record, -1 where there are fewer rows
 *       timed    every client runs the statement on records drawn in a fixed pseudo-random order for ARG seconds
 *       each     the clients together run the statement once for each of the first ARG records
 * CLIENTS one-cpu is one client, on one CPU together with its server process. The two never run at a time, and where each
 * has a CPU of its own, that one sleeps meanwhile and is woken for every message: tens of microseconds in a virtual machine,
 * which are not the statement's. Needs a server on this machine, and its user's rights or root's.
 * Prints one line of JSON: executions, seconds, per-execution latencies in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum mode { ANSWERS, TIMED, EACH };

static const char *conninfo, *setup, *statement;
static const char *records;
static size_t record_bytes;
static long n_records;
static Oid param_oid;
static enum mode mode;
static double arg;
static int n_clients;
static int on_one_cpu;
static FILE *out;
static pthread_barrier_t start_line;

struct worker {
    int number;
    pthread_t thread;
    double *latency_us;
    long done, room;
    double seconds;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench client: %s: %s\n", what, why);
    exit(1);
}

static PGconn *connect_and_prepare(void)
{
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *res;
    if (PQstatus(conn) != CONNECTION_OK) die("cannot connect", PQerrorMessage(conn));
    res = PQexec(conn, setup);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        die(setup, PQerrorMessage(conn));
    PQclear(res);
    res = PQprepare(conn, "q", statement, 1, &param_oid);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) die(statement, PQerrorMessage(conn));
    PQclear(res);
    return conn;
}

/* The last CPU that may be used: the first ones take more of the interrupts. */
static void share_one_cpu(PGconn *conn)
{
    cpu_set_t allowed, one;
    int cpu = CPU_SETSIZE - 1;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) die("sched_getaffinity", strerror(errno));
    while (cpu > 0 && !CPU_ISSET(cpu, &allowed)) cpu--;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0 || sched_setaffinity(PQbackendPID(conn), sizeof one, &one) != 0)
        die("one-cpu", strerror(errno));
}

static PGresult *execute(PGconn *conn, long record)
{
    const char *value = records + record * record_bytes;
    int length = (int) record_bytes, binary = 1;
    PGresult *res = PQexecPrepared(conn, "q", 1, &value, &length, &binary, 1);
    if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
        die(statement, PQerrorMessage(conn));
    return res;
}

static void keep_latency(struct worker *w, double us)
{
    if (w->done == w->room) {
        w->room = w->room ? w->room * 2 : 4096;
        w->latency_us = realloc(w->latency_us, w->room * sizeof(double));
        if (!w->latency_us) die("latencies", "out of memory");
    }
    w->latency_us[w->done++] = us;
}

static void write_answer(const PGresult *res)
{
    int rows = PQntuples(res);
    for (int i = 0; i < (int) arg; i++) {
        int32_t id = -1;
        if (i < rows) {
            memcpy(&id, PQgetvalue(res, i, 0), sizeof id);
            id = (int32_t) ntohl((uint32_t) id);
        }
        fwrite(&id, sizeof id, 1, out);
    }
}

static void *work(void *p)
{
    struct worker *w = p;
    PGconn *conn = connect_and_prepare();
    uint64_t random = 0x9E3779B97F4A7C15u * (uint64_t) (w->number + 1);
    long next = w->number;
    double begin, t0, t1;

    if (on_one_cpu) share_one_cpu(conn);
    /* Plan caching and the shared library's first load are not what is measured. Not in mode each, which may write. */
    if (mode == TIMED)
        for (int i = 0; i < 20; i++) PQclear(execute(conn, (w->number * 20 + i) % n_records));
    pthread_barrier_wait(&start_line);
    begin = t1 = now();
    for (;;) {
        long record;
        PGresult *res;
        if (mode == TIMED) {
            if (t1 - begin >= arg) break;
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            record = (long) (random % (uint64_t) n_records);
        } else {
            if (next >= (mode == EACH ? (long) arg : n_records)) break;
            record = next;
            next += n_clients;
        }
        t0 = now();
        res = execute(conn, record % n_records);
        t1 = now();
        keep_latency(w, (t1 - t0) * 1e6);
        if (mode == ANSWERS) write_answer(res);
        PQclear(res);
    }
    w->seconds = t1 - begin;
    PQfinish(conn);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static void report(const struct worker *w)
{
    long total = 0, k = 0;
    double seconds = 0, sum = 0, *all;
    for (int i = 0; i < n_clients; i++) {
        total += w[i].done;
        if (w[i].seconds > seconds) seconds = w[i].seconds;
    }
    if (total == 0) die("nothing ran", "no records");
    all = malloc(total * sizeof(double));
    if (!all) die("latencies", "out of memory");
    for (int i = 0; i < n_clients; i++)
        for (long j = 0; j < w[i].done; j++) sum += all[k++] = w[i].latency_us[j];
    qsort(all, total, sizeof(double), by_value);
    printf("{\"executions\": %ld, \"seconds\": %.3f, \"per_second\": %.1f, \"mean_us\": %.1f, \"p50_us\": %.1f, "
           "\"p95_us\": %.1f, \"p99_us\": %.1f}\n",
           total, seconds, total / seconds, sum / total, all[total / 2], all[(long) (total * 0.95)],
           all[(long) (total * 0.99)]);
    free(all);
}

static void map_records(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0) die("cannot open", path);
    records = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (records == MAP_FAILED) die("cannot map", path);
    n_records = st.st_size / record_bytes;
    if (n_records == 0) die("no records in", path);
}

int main(int argc, char **argv)
{
    struct worker *workers;
    if (argc < 10) die("usage", "client CONNINFO SETUP STATEMENT RECORDS RECORD_BYTES OID MODE ARG CLIENTS [OUT]");
    conninfo = argv[1], setup = argv[2], statement = argv[3];
    record_bytes = strtoul(argv[5], NULL, 10);
    param_oid = (Oid) strtoul(argv[6], NULL, 10);
    mode = strcmp(argv[7], "answers") == 0 ? ANSWERS : strcmp(argv[7], "timed") == 0 ? TIMED : EACH;
    arg = atof(argv[8]);
    on_one_cpu = strcmp(argv[9], "one-cpu") == 0;
    n_clients = mode == ANSWERS || on_one_cpu ? 1 : atoi(argv[9]);
    map_records(argv[4]);
    if (mode == ANSWERS && (argc < 11 || !(out = fopen(argv[10], "wb")))) die("cannot write", "OUT");

    workers = calloc(n_clients, sizeof *workers);
    pthread_barrier_init(&start_line, NULL, n_clients);
    for (int i = 0; i < n_clients; i++) {
        workers[i].number = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) die("pthread_create", "failed");
    }
    for (int i = 0; i < n_clients; i++) pthread_join(workers[i].thread, NULL);
    if (out && fclose(out) != 0) die("cannot write", argv[10]);
    report(workers);
    return 0;
}
