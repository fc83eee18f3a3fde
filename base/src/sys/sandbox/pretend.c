/* Preloaded into the programs of a round: it shifts the clock, as `pretend.h` says. Not told are
 * programs without libc, and what libc does within itself (time in syslog).
 *
 * libfaketime does it too, but it is no part of a toolchain, and a toolchain that is changed for the
 * verification is not the one that is verified. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <utime.h>
#include "pretend.h"

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

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

static const struct timeval *timevals_meant(const struct timeval times[2], struct timeval out[2])
{
    if (!times) return NULL;
    for (int index = 0; index < 2; index++) {
        out[index] = times[index];
        out[index].tv_sec = meant(times[index].tv_sec);
    }
    return out;
}

int utimes(const char *path, const struct timeval times[2])
{
    REAL(utimes);
    struct timeval out[2];
    return real(path, timevals_meant(times, out));
}

int lutimes(const char *path, const struct timeval times[2])
{
    REAL(lutimes);
    struct timeval out[2];
    return real(path, timevals_meant(times, out));
}

int futimes(int file, const struct timeval times[2])
{
    REAL(futimes);
    struct timeval out[2];
    return real(file, timevals_meant(times, out));
}

int utime(const char *path, const struct utimbuf *times)
{
    REAL(utime);
    if (!times) return real(path, NULL);
    struct utimbuf out = {meant(times->actime), meant(times->modtime)};
    return real(path, &out);
}

/* Whoever waits until a time that was read off the clock means it by that clock; the kernel has its
 * own. Times of other clocks are far smaller, and stay. */
static struct timespec due(const struct timespec *until)
{
    return (struct timespec){meant(until->tv_sec), until->tv_nsec};
}

/* glibc on x86-64 has an older function of that name, which `dlsym` could give. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static __typeof__(&pthread_cond_timedwait) real;
    if (!real)
        real = (__typeof__(real))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec at = due(until);
    return real(condition, mutex, &at);
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t id,
                           const struct timespec *until)
{
    REAL(pthread_cond_clockwait);
    struct timespec at = due(until);
    return real(condition, mutex, id, &at);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
    REAL(pthread_mutex_timedlock);
    struct timespec at = due(until);
    return real(mutex, &at);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    REAL(sem_timedwait);
    struct timespec at = due(until);
    return real(semaphore, &at);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *until, struct timespec *left)
{
    REAL(clock_nanosleep);
    struct timespec at = flags & TIMER_ABSTIME ? due(until) : *until;
    return real(id, flags, &at, left);
}

int timerfd_settime(int file, int flags, const struct itimerspec *new, struct itimerspec *old)
{
    REAL(timerfd_settime);
    struct itimerspec at = *new;
    if (flags & TFD_TIMER_ABSTIME) at.it_value = due(&new->it_value);
    return real(file, flags, &at, old);
}
