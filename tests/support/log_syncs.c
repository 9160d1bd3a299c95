/* When an append-only file is on the disk: preloaded into a process, it writes a line into the file $LOG_SYNCS for each sync of
   a file whose path has "appendonlydir": when it began and ended, on the monotonic clock, and the bytes that it made durable. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec + moment.tv_nsec / 1e9;
}

static int is_append_only(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, "appendonlydir") && strstr(path, ".incr.aof");
}

static int logged(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *log = getenv("LOG_SYNCS");
    struct stat facts;
    if (!log || !is_append_only(file) || fstat(file, &facts)) return real(file);
    double began = now();
    int failed = real(file);
    char line[128];
    int length = snprintf(line, sizeof line, "%.6f %.6f %lld\n", began, now(), (long long)facts.st_size);
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (!failed && out >= 0 && write(out, line, length) != length) abort();
    if (out >= 0) close(out);
    return failed;
}

int fsync(int file) { return logged("fsync", file); }

int fdatasync(int file) { return logged("fdatasync", file); }
