/* Preloaded into the programs of a round: it shifts the clock, names another kernel, lists
 * directories backwards and counts other processors, as `pretend.h` says. Not told are
 * programs without libc, and what libc does within itself (glob, scandir, time in syslog).
 *
 * libfaketime does the first of these, but it is no part of a toolchain, and a toolchain that is
 * changed for the verification is not the one that is verified. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#include "pretend.h"

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* --- the clock ------------------------------------------------------------------------------ */
#if SHIFT != 0
int clock_gettime(clockid_t id, struct timespec *now)
{
    REAL(clock_gettime);
    int failed = real(id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
        now->tv_sec += SHIFT;
    return failed;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    REAL(gettimeofday);
    int failed = real(now, zone);
    if (!failed) now->tv_sec += SHIFT;
    return failed;
}

int timespec_get(struct timespec *now, int base)
{
    if (base != TIME_UTC || clock_gettime(CLOCK_REALTIME, now)) return 0;
    return base;
}

/* Files made in this round have the kernel's time; they look as old as the clock says. */
static void shown(struct timespec *time)
{
    if (time->tv_sec >= SINCE) time->tv_sec += SHIFT;
}

static int stat_shown(int failed, struct stat *it)
{
    if (failed) return failed;
    shown(&it->st_atim);
    shown(&it->st_mtim);
    shown(&it->st_ctim);
    return 0;
}

int stat(const char *restrict path, struct stat *restrict it)
{
    REAL(stat);
    return stat_shown(real(path, it), it);
}

int lstat(const char *restrict path, struct stat *restrict it)
{
    REAL(lstat);
    return stat_shown(real(path, it), it);
}

int fstat(int file, struct stat *it)
{
    REAL(fstat);
    return stat_shown(real(file, it), it);
}

int fstatat(int at, const char *restrict path, struct stat *restrict it, int flags)
{
    REAL(fstatat);
    return stat_shown(real(at, path, it, flags), it);
}

int stat64(const char *restrict path, struct stat64 *restrict it)
{
    REAL(stat64);
    return stat_shown(real(path, it), (struct stat *)it);
}

int lstat64(const char *restrict path, struct stat64 *restrict it)
{
    REAL(lstat64);
    return stat_shown(real(path, it), (struct stat *)it);
}

int fstat64(int file, struct stat64 *it)
{
    REAL(fstat64);
    return stat_shown(real(file, it), (struct stat *)it);
}

int fstatat64(int at, const char *restrict path, struct stat64 *restrict it, int flags)
{
    REAL(fstatat64);
    return stat_shown(real(at, path, it, flags), (struct stat *)it);
}

static void statx_shown(struct statx_timestamp *time)
{
    if (time->tv_sec >= SINCE) time->tv_sec += SHIFT;
}

int statx(int at, const char *restrict path, int flags, unsigned mask, struct statx *restrict it)
{
    REAL(statx);
    int failed = real(at, path, flags, mask, it);
    if (failed) return failed;
    statx_shown(&it->stx_atime);
    statx_shown(&it->stx_btime);
    statx_shown(&it->stx_ctime);
    statx_shown(&it->stx_mtime);
    return 0;
}

/* The way back: a time that was copied from a file of this round, or read off the clock. */
static time_t meant(time_t seconds)
{
    return seconds >= SINCE + SHIFT - 86400 ? seconds - SHIFT : seconds;
}

static const struct timespec *times_meant(const struct timespec times[2], struct timespec out[2])
{
    if (!times) return NULL;
    for (int index = 0; index < 2; index++) {
        out[index] = times[index];
        if (times[index].tv_nsec != UTIME_NOW && times[index].tv_nsec != UTIME_OMIT)
            out[index].tv_sec = meant(times[index].tv_sec);
    }
    return out;
}

int utimensat(int at, const char *path, const struct timespec times[2], int flags)
{
    REAL(utimensat);
    struct timespec out[2];
    return real(at, path, times_meant(times, out), flags);
}

int futimens(int file, const struct timespec times[2])
{
    REAL(futimens);
    struct timespec out[2];
    return real(file, times_meant(times, out));
}

int utimes(const char *path, const struct timeval times[2])
{
    REAL(utimes);
    if (!times) return real(path, NULL);
    struct timeval out[2] = {times[0], times[1]};
    out[0].tv_sec = meant(out[0].tv_sec);
    out[1].tv_sec = meant(out[1].tv_sec);
    return real(path, out);
}

int utime(const char *path, const struct utimbuf *times)
{
    REAL(utime);
    if (!times) return real(path, NULL);
    struct utimbuf out = {meant(times->actime), meant(times->modtime)};
    return real(path, &out);
}
#endif

/* --- the kernel ----------------------------------------------------------------------------- */
#ifdef RELEASE
int uname(struct utsname *it)
{
    REAL(uname);
    int failed = real(it);
    if (failed) return failed;
    strncpy(it->release, RELEASE, sizeof it->release - 1);
    strncpy(it->version, VERSION, sizeof it->version - 1);
    return 0;
}
#endif

/* --- the number of processors --------------------------------------------------------------- */
#ifdef PROCESSORS
long sysconf(int name)
{
    REAL(sysconf);
    if (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF) return PROCESSORS;
    return real(name);
}

int get_nprocs(void) { return PROCESSORS; }
int get_nprocs_conf(void) { return PROCESSORS; }

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set)
{
    REAL(sched_getaffinity);
    int failed = real(process, size, set);
    if (failed) return failed;
    CPU_ZERO_S(size, set);
    for (size_t number = 0; number < PROCESSORS; number++) CPU_SET_S(number, size, set);
    return 0;
}
#endif

/* --- the order of directories --------------------------------------------------------------- */
#ifdef REVERSED
/* A directory that is being listed: all its entries, read at the first question. */
struct listing {
    DIR *directory;
    struct dirent64 **entries;
    size_t count, next;
    struct listing *after;
};

static struct listing *listings;
static pthread_mutex_t listings_lock = PTHREAD_MUTEX_INITIALIZER;

static struct listing *listed(DIR *directory)
{
    REAL(readdir64);
    for (struct listing *it = listings; it; it = it->after)
        if (it->directory == directory) return it;
    struct listing *it = calloc(1, sizeof *it);
    struct dirent64 *entry;
    if (!it) return NULL;
    it->directory = directory;
    while ((entry = real(directory))) {
        struct dirent64 **more = realloc(it->entries, (it->count + 1) * sizeof *more);
        struct dirent64 *copy = more ? malloc(sizeof *copy) : NULL;
        if (more) it->entries = more;
        if (!copy) break;
        memcpy(copy, entry, entry->d_reclen);
        it->entries[it->count++] = copy;
    }
    it->after = listings;
    listings = it;
    return it;
}

static void forget(DIR *directory)
{
    pthread_mutex_lock(&listings_lock);
    for (struct listing **at = &listings; *at; at = &(*at)->after) {
        struct listing *it = *at;
        if (it->directory != directory) continue;
        *at = it->after;
        while (it->count) free(it->entries[--it->count]);
        free(it->entries);
        free(it);
        break;
    }
    pthread_mutex_unlock(&listings_lock);
}

struct dirent64 *readdir64(DIR *directory)
{
    int before = errno;
    pthread_mutex_lock(&listings_lock);
    struct listing *it = listed(directory);
    struct dirent64 *entry = NULL;
    if (it && it->next < it->count) entry = it->entries[it->count - ++it->next];
    pthread_mutex_unlock(&listings_lock);
    errno = before;
    return entry;
}

struct dirent *readdir(DIR *directory)
{
    return (struct dirent *)readdir64(directory);
}

int closedir(DIR *directory)
{
    REAL(closedir);
    forget(directory);
    return real(directory);
}

void rewinddir(DIR *directory)
{
    REAL(rewinddir);
    forget(directory);
    real(directory);
}

long telldir(DIR *directory)
{
    pthread_mutex_lock(&listings_lock);
    struct listing *it = listed(directory);
    long place = it ? (long)it->next : -1;
    pthread_mutex_unlock(&listings_lock);
    return place;
}

void seekdir(DIR *directory, long place)
{
    pthread_mutex_lock(&listings_lock);
    struct listing *it = listed(directory);
    if (it && place >= 0) it->next = (size_t)place;
    pthread_mutex_unlock(&listings_lock);
}
#endif
