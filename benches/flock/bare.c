/* The least that a program can do with datagrams: take them. What a member costs under a flood is held against this. */

#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Until the socket fails. Counts what came. The thread gets a name, so that its processor time is told from the process's. */
void receive_for_ever(int descriptor, volatile uint64_t *count) {
    char room[512];
    prctl(PR_SET_NAME, "bare-loop", 0, 0, 0);
    while (recv(descriptor, room, sizeof room, 0) >= 0)
        ++*count;
}
