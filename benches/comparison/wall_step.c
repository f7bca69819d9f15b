/* A wall clock that a test can move, for programs that read it through the C library, whatever they are written in.
   Preloaded, it answers every way of asking for real time; monotonic time and all else pass through untouched.

   wall_shift(ns): real time plus so much. wall_hold(1): real time stands still where it is; wall_hold(0): it goes on.
   Linux only: the true readings come from the system calls, which nothing above can have replaced. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND = 1000000000;
static _Atomic int64_t shift, held; /* nanoseconds; held 0: not held */

static int64_t moved(clockid_t id) {
  struct timespec t;
  int64_t standing = held;
  if (standing) return standing;
  syscall(SYS_clock_gettime, id, &t);
  return t.tv_sec * SECOND + t.tv_nsec + shift;
}

static int is_wall(clockid_t id) { return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI; }

void wall_shift(int64_t nanoseconds) { shift = nanoseconds; }

void wall_hold(int on) {
  held = 0;
  if (on) held = moved(CLOCK_REALTIME);
}

int clock_gettime(clockid_t id, struct timespec *into) {
  if (!is_wall(id)) return syscall(SYS_clock_gettime, id, into);
  int64_t now = moved(id);
  into->tv_sec = now / SECOND;
  into->tv_nsec = now % SECOND;
  return 0;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  (void)zone;
  int64_t now = moved(CLOCK_REALTIME);
  into->tv_sec = now / SECOND;
  into->tv_usec = now % SECOND / 1000;
  return 0;
}

time_t time(time_t *into) {
  time_t now = moved(CLOCK_REALTIME) / SECOND;
  if (into) *into = now;
  return now;
}
