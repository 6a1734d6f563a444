/* A disk that fails: loaded before the C library (LD_PRELOAD), it lets calls for a journal's files fail when told to.

   arm_faults(kinds, after, times, number): of the calls of these kinds the first ``after`` pass, the next ``times``
   fail with this errno, all others pass. Files are known by their name. One thread arms and calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { READS = 1, WRITES = 2, SYNCS = 4, CUTS = 8 };

static int armed_kinds, calls_to_pass, calls_to_fail, error_number, met;

void arm_faults(int kinds, int after, int times, int number) {
    armed_kinds = kinds;
    calls_to_pass = after;
    calls_to_fail = times;
    error_number = number;
    met = 0;
}

int faults_met(void) { return met; }

static int strikes(int kind, int fd) {
    char link[64], path[512];
    ssize_t length;
    if (!(armed_kinds & kind) || calls_to_fail <= 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (!strstr(path, "/journal.sqlite3")) return 0;
    if (calls_to_pass-- > 0) return 0;
    calls_to_fail--;
    met++;
    errno = error_number;
    return 1;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
    REAL(ssize_t, pread64, int, void *, size_t, off64_t);
    return strikes(READS, fd) ? -1 : real(fd, to, size, at);
}

ssize_t pread(int fd, void *to, size_t size, off_t at) {
    REAL(ssize_t, pread, int, void *, size_t, off_t);
    return strikes(READS, fd) ? -1 : real(fd, to, size, at);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return strikes(WRITES, fd) ? -1 : real(fd, from, size, at);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    return strikes(WRITES, fd) ? -1 : real(fd, from, size, at);
}

int fdatasync(int fd) {
    REAL(int, fdatasync, int);
    return strikes(SYNCS, fd) ? -1 : real(fd);
}

int fsync(int fd) {
    REAL(int, fsync, int);
    return strikes(SYNCS, fd) ? -1 : real(fd);
}

int ftruncate64(int fd, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    return strikes(CUTS, fd) ? -1 : real(fd, size);
}
