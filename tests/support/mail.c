/* Messages are read as other programs would: header fields, then the text/plain part, from base64. */
#include "tests/support/mail.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/scratch.h"
#include "tests/support/stack.h"

enum { WAIT_MS = 10000, LOOK_MS = 10, MAX_FILES = 4096 };

struct message {
    char *bytes;
    struct timespec at;
};

static char *last_message;

char *mail_folder(const struct stack *stack)
{
    return text("%s/mail", stack->folder);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL; /* gone since the folder was read */
    char *bytes = scratch_alloc(256 * 1024);
    size_t len = fread(bytes, 1, 256 * 1024 - 1, file);
    bytes[len] = '\0';
    fclose(file);
    return bytes;
}

static bool is_wanted(const char *message, const char *address, const char *subject)
{
    const char *head_end = strstr(message, "\r\n\r\n");
    const char *to = strcasestr(message, text("\nTo: <%s>\r\n", address));
    const char *about = strstr(message, "\nSubject: ");
    if (head_end == NULL || to == NULL || to > head_end || about == NULL)
        return false;
    const char *found = strstr(about, subject);
    return found != NULL && found < strstr(about, "\r\n");
}

static int compare(const void *a, const void *b)
{
    const struct message *left = a, *right = b;
    if (left->at.tv_sec != right->at.tv_sec)
        return left->at.tv_sec < right->at.tv_sec ? -1 : 1;
    return left->at.tv_nsec < right->at.tv_nsec ? -1 : left->at.tv_nsec > right->at.tv_nsec;
}

static size_t find(const char *folder, const char *address, const char *subject, struct message *found)
{
    size_t count = 0;
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        const char *suffix = strrchr(entry->d_name, '.');
        if (suffix == NULL || strcmp(suffix, ".eml") != 0)
            continue;
        char *path = text("%s/%s", folder, entry->d_name), *bytes = read_file(path);
        struct stat status;
        if (bytes == NULL || stat(path, &status) != 0 || !is_wanted(bytes, address, subject))
            continue;
        assert_true(count < MAX_FILES);
        found[count++] = (struct message){bytes, status.st_mtim};
    }
    if (entries != NULL)
        closedir(entries);
    qsort(found, count, sizeof *found, compare);
    return count;
}

size_t mail_count(const char *folder, const char *address, const char *subject)
{
    struct message *found = scratch_alloc(MAX_FILES * sizeof *found);
    return find(folder, address, subject, found);
}

static char *plain_text(const char *message)
{
    const char *part = strstr(message, "Content-Type: text/plain; charset=utf-8\r\n");
    assert_non_null(part);
    const char *start = strstr(part, "\r\n\r\n");
    assert_non_null(start);
    const char *end = strstr(start, "\r\n--");
    assert_non_null(end);
    char *plain = scratch_alloc(strlen(start) + 1);
    size_t len;
    int failed = sodium_base642bin((unsigned char *)plain, strlen(start), start + 4, (size_t)(end - start - 4), "\r\n",
                                   &len, NULL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    if (failed)
        failed = sodium_base642bin((unsigned char *)plain, strlen(start), start + 4, (size_t)(end - start - 4), "\r\n",
                                   &len, NULL, sodium_base64_VARIANT_ORIGINAL);
    assert_int_equal(failed, 0);
    plain[len] = '\0';
    return plain;
}

char *mail_await(const char *folder, const char *address, const char *subject, size_t n)
{
    struct message *found = scratch_alloc(MAX_FILES * sizeof *found);
    int64_t deadline = now_ms() + WAIT_MS;
    while (find(folder, address, subject, found) < n) {
        if (now_ms() > deadline)
            fail_msg("no mail %zu to %s about \"%s\" in %s", n, address, subject, folder);
        sleep_ms(LOOK_MS);
    }
    last_message = found[n - 1].bytes;
    return plain_text(last_message);
}

char *mail_token(const char *plain)
{
    const char *token = strstr(plain, "token=");
    assert_non_null(token);
    token += strlen("token=");
    return text("%.*s", (int)strcspn(token, " \r\n"), token);
}

const char *mail_message(void)
{
    return last_message;
}
