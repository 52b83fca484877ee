/* SPDX-License-Identifier: MIT */
/*
 * Compares abi/termios.h, abi/ioctl.h, abi/poll.h and abi/epoll.h with the host's kernel headers.
 * Compiling this file is the test; include/abi/README tells how it works.
 */
#include <stddef.h>

#include "abi/epoll.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/termios.h"

/* clang-format off */
#define TERMIOS_LIST(X) \
    X(VINTR) X(VQUIT) X(VERASE) X(VKILL) X(VEOF) X(VTIME) X(VMIN) X(VSWTC) X(VSTART) X(VSTOP) \
    X(VSUSP) X(VEOL) X(VREPRINT) X(VDISCARD) X(VWERASE) X(VLNEXT) X(VEOL2) X(IGNBRK) X(BRKINT) \
    X(IGNPAR) X(PARMRK) X(INPCK) X(ISTRIP) X(INLCR) X(IGNCR) X(ICRNL) X(IUCLC) X(IXON) \
    X(IXANY) X(IXOFF) X(IMAXBEL) X(IUTF8) X(OPOST) X(OLCUC) X(ONLCR) X(OCRNL) X(ONOCR) \
    X(ONLRET) X(TABDLY) X(TAB0) X(XTABS) X(CBAUD) X(CSIZE) X(CS8) X(CREAD) X(PARENB) X(HUPCL) \
    X(CLOCAL) X(BOTHER) X(CIBAUD) X(B0) X(B50) X(B75) X(B110) X(B134) X(B150) X(B200) X(B300) \
    X(B600) X(B1200) X(B1800) X(B2400) X(B4800) X(B9600) X(B19200) X(B38400) X(B57600) \
    X(B115200) X(ISIG) X(ICANON) X(ECHO) X(ECHOE) X(ECHOK) X(ECHONL) X(NOFLSH) X(TOSTOP) \
    X(ECHOCTL) X(ECHOKE) X(IEXTEN) X(TCOOFF) X(TCOON) X(TCIOFF) X(TCION) X(TCIFLUSH) \
    X(TCOFLUSH) X(TCIOFLUSH) X(TIOCM_DTR) X(TIOCM_RTS) X(TIOCM_CTS) X(TIOCM_CAR) X(TIOCM_DSR) \
    X(N_TTY)

#define IOCTL_LIST(X) \
    X(TCGETS) X(TCSETS) X(TCSETSW) X(TCSETSF) X(TCSBRK) X(TCXONC) X(TCFLSH) X(TIOCEXCL) \
    X(TIOCNXCL) X(TIOCSCTTY) X(TIOCGPGRP) X(TIOCSPGRP) X(TIOCOUTQ) X(TIOCSTI) X(TIOCGWINSZ) \
    X(TIOCSWINSZ) X(TIOCMGET) X(FIONREAD) X(FIONBIO) X(TIOCNOTTY) X(TIOCGETD) X(TIOCSETD) \
    X(TCSBRKP) X(TIOCSBRK) X(TIOCCBRK) X(TIOCGSID) X(TCGETS2) X(TCSETS2) X(TCSETSW2) \
    X(TCSETSF2) X(TIOCGPTN) X(TIOCSPTLCK) X(TIOCGDEV) X(TIOCVHANGUP) X(TIOCGPTLCK) \
    X(TIOCGEXCL) X(TIOCGPTPEER) X(FIONCLEX) X(FIOCLEX) X(FIOASYNC) X(FIOQSIZE) X(RNDGETENTCNT) \
    X(RNDADDTOENTCNT) X(RNDADDENTROPY)

#define POLL_LIST(X) \
    X(POLLIN) X(POLLPRI) X(POLLOUT) X(POLLERR) X(POLLHUP) X(POLLNVAL) X(POLLRDNORM) \
    X(POLLRDBAND) X(POLLWRNORM) X(POLLWRBAND) X(POLLMSG) X(POLLRDHUP) X(EPOLL_CTL_ADD) \
    X(EPOLL_CTL_DEL) X(EPOLL_CTL_MOD) X(EPOLL_CLOEXEC) X(EPOLLIN) X(EPOLLPRI) X(EPOLLOUT) \
    X(EPOLLERR) X(EPOLLHUP) X(EPOLLRDNORM) X(EPOLLRDBAND) X(EPOLLWRNORM) X(EPOLLWRBAND) \
    X(EPOLLMSG) X(EPOLLRDHUP) X(EPOLLEXCLUSIVE) X(EPOLLWAKEUP) X(EPOLLONESHOT) X(EPOLLET)

#define EVENTFD_LIST(X) \
    X(EFD_SEMAPHORE) X(EFD_NONBLOCK) X(EFD_CLOEXEC)
/* clang-format on */

#define SAVE(name) quire_##name = name,
enum { TERMIOS_LIST(SAVE) IOCTL_LIST(SAVE) POLL_LIST(SAVE) EVENTFD_LIST(SAVE) };

/* Enumerators in the host's header: our macros would break them. */
#undef EFD_SEMAPHORE
#undef EFD_NONBLOCK
#undef EFD_CLOEXEC

#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/termios.h>
#include <linux/eventpoll.h>
#include <linux/random.h>
#include <linux/tty.h>
#include <sys/eventfd.h>

#define SAME(name) _Static_assert((unsigned)quire_##name == (unsigned)(name), #name);
TERMIOS_LIST(SAME)
IOCTL_LIST(SAME)
POLL_LIST(SAME)
EVENTFD_LIST(SAME)

#define SAME_SIZE(name) _Static_assert(sizeof(struct linux_##name) == sizeof(struct name), #name)
#define SAME_FIELD(name, field)                                                                    \
    _Static_assert(offsetof(struct linux_##name, field) == offsetof(struct name, field), #field)

SAME_SIZE(termios);
SAME_SIZE(termios2);
SAME_SIZE(winsize);
SAME_SIZE(pollfd);
SAME_SIZE(epoll_event);
SAME_FIELD(termios, c_lflag);
SAME_FIELD(termios, c_line);
SAME_FIELD(termios, c_cc);
SAME_FIELD(termios2, c_cc);
SAME_FIELD(termios2, c_ispeed);
SAME_FIELD(termios2, c_ospeed);
SAME_FIELD(winsize, ws_col);
SAME_FIELD(pollfd, revents);
SAME_FIELD(epoll_event, data);

_Static_assert(LINUX_NCCS == NCCS, "NCCS");
