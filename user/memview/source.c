/* SPDX-License-Identifier: MIT */
/* Streams' origins; see source.h. */
#include "user/memview/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256 << 10)
#define WAITING_BYTES_MAX (16 << 20) /* of a paused view: more stays in the kernel, or is lost */

int source_open(struct source *source, const char *path, bool live) {
    *source = (struct source){.fd = STDIN_FILENO, .name = path, .live = live};
    if (strcmp(path, "-") == 0) {
        source->name = "standard input";
        return 0;
    }
    source->fd = open(path, O_RDONLY | O_CLOEXEC | (live ? O_NONBLOCK : 0));
    return source->fd < 0 ? -errno : 0;
}

void source_close(struct source *source) {
    if (source->fd > STDIN_FILENO)
        close(source->fd);
    source->fd = -1;
    stream_clear(&source->stream);
}

bool source_rewind(struct source *source) {
    if (source->live || lseek(source->fd, 0, SEEK_SET) < 0)
        return false;
    stream_clear(&source->stream);
    source->ended = false;
    return true;
}

int source_renew(struct source *source) {
    const char *name = source->name;

    source_close(source);
    return source_open(source, name, true);
}

int source_read(struct source *source) {
    static unsigned char bytes[READ_BYTES];
    ssize_t got = read(source->fd, bytes, sizeof bytes);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    source->ended = got == 0;
    return stream_feed(&source->stream, bytes, (size_t)got);
}

bool source_has_room(const struct source *source) {
    return !source->ended && stream_waiting(&source->stream) < WAITING_BYTES_MAX;
}

void trace_mark(const char *text) {
    int fd = open(TRACE_PATH, O_WRONLY | O_CLOEXEC);
    ssize_t done;

    if (fd < 0)
        return;
    done = write(fd, text, strlen(text));
    (void)done;
    close(fd);
}
