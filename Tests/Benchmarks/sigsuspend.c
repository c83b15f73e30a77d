// Preloaded into a server that runs under valgrind. Valgrind 3.19 edits the signal mask that sigsuspend(2) is given in
// place; the one of libdispatch, in which the main thread of a Swift program waits, is in read-only memory, so valgrind
// would crash. This hands it a copy.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    return (int)syscall(SYS_rt_sigsuspend, &copy, 8);
}
