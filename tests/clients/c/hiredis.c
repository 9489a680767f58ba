/* hiredis, the client of redis-cli and of much that is written in C. */

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static redisContext *context;
static char why[256];

/* Connects with bounded waits. */
static redisContext *connect_to(const char *variable) {
    struct timeval limit = {5, 0};
    redisContext *made =
        redisConnectWithTimeout("127.0.0.1", atoi(getenv(variable)), limit);
    if (made && !made->err) redisSetTimeout(made, limit);
    return made;
}

/* Sends a command; the caller frees the reply. */
static redisReply *ask(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(context, format, arguments);
    va_end(arguments);
    if (!reply) snprintf(why, sizeof why, "%s: %s", format, context->errstr);
    return reply;
}

/* Frees a reply that must be this text or status. */
static int is_text(redisReply *reply, const char *text) {
    int same = reply && reply->str && reply->type != REDIS_REPLY_ERROR && !strcmp(reply->str, text);
    if (reply && !same)
        snprintf(why, sizeof why, "%s instead of %s", reply->str ? reply->str : "no text", text);
    if (reply) freeReplyObject(reply);
    return same;
}

/* Frees a reply that must be this number. */
static int is_number(redisReply *reply, long long number) {
    int same = reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == number;
    if (reply && !same)
        snprintf(why, sizeof why, "%s instead of %lld", reply->str ? reply->str : "no text", number);
    if (reply) freeReplyObject(reply);
    return same;
}

/* Frees a reply that must be an error with these words. */
static int is_error(redisReply *reply, const char *words) {
    int same = reply && reply->type == REDIS_REPLY_ERROR && strstr(reply->str, words);
    if (reply && !same) snprintf(why, sizeof why, "no error with %s", words);
    if (reply) freeReplyObject(reply);
    return same;
}

static int types(void) {
    const char binary[] = {'a', 0, '\r', '\n', (char)0xff};
    redisReply *reply = ask("SET t:binary %b", binary, sizeof binary);
    if (!is_text(reply, "OK")) return 0;
    reply = ask("GET t:binary");
    int same = reply && reply->len == sizeof binary && !memcmp(reply->str, binary, sizeof binary);
    if (reply) freeReplyObject(reply);
    return same && is_number(ask("HSET t:hash a 1 b 2"), 2) && is_text(ask("HGET t:hash b"), "2") &&
           is_number(ask("RPUSH t:list a b c"), 3) && is_text(ask("LINDEX t:list 1"), "b") &&
           is_number(ask("ZADD t:zset 1.5 a"), 1) && is_text(ask("ZSCORE t:zset a"), "1.5") &&
           is_error(ask("LPUSH t:hash x"), "WRONGTYPE") && is_error(ask("NOSUCH"), "unknown command");
}

static int pipelines(void) {
    for (int n = 0; n < 1000; n++) {
        redisAppendCommand(context, "SET p:%d %d", n, n);
        redisAppendCommand(context, "GET p:%d", n);
    }
    for (int n = 0; n < 1000; n++) {
        redisReply *set = NULL, *get = NULL;
        if (redisGetReply(context, (void **)&set) || redisGetReply(context, (void **)&get)) {
            snprintf(why, sizeof why, "%s", context->errstr);
            return 0;
        }
        char number[16];
        snprintf(number, sizeof number, "%d", n);
        if (!is_text(set, "OK") || !is_text(get, number)) return 0;
    }
    return 1;
}

static int transactions(void) {
    if (!is_text(ask("MULTI"), "OK") || !is_text(ask("INCR {tx}a"), "QUEUED") ||
        !is_text(ask("INCR {tx}a"), "QUEUED"))
        return 0;
    redisReply *reply = ask("EXEC");
    int right = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                reply->element[1]->integer == 2;
    if (reply) freeReplyObject(reply);
    return right && is_text(ask("MULTI"), "OK") &&
           is_error(ask("SET {tx}b"), "wrong number of arguments") &&
           is_error(ask("EXEC"), "EXECABORT");
}

static int scripts(void) {
    return is_number(ask("EVAL %s 1 e:n 5", "return redis.call('INCRBY', KEYS[1], ARGV[1])"), 5) &&
           is_error(ask("EVALSHA %s 1 e:n", "0000000000000000000000000000000000000000"), "NOSCRIPT");
}

static int reconnecting(void) {
    if (!is_text(ask("SET r:before kept"), "OK")) return 0;
    redisContext *control = connect_to("REDPOLL_CONTROL");
    char answer[4] = "";
    int told = control && !control->err && write(control->fd, "cut\n", 4) == 4 &&
               recv(control->fd, answer, 3, MSG_WAITALL) == 3 && !strcmp(answer, "ok\n");
    if (control) redisFree(control);
    if (!told) {
        snprintf(why, sizeof why, "the runner could not cut the connections");
        return 0;
    }
    redisReply *lost = ask("GET r:before");
    if (lost) {
        freeReplyObject(lost);
        snprintf(why, sizeof why, "the connection was not cut");
        return 0;
    }
    return redisReconnect(context) == REDIS_OK && is_text(ask("GET r:before"), "kept");
}

static void part(const char *name, int (*story)(void)) {
    why[0] = 0;
    if (story()) {
        printf("{\"part\": \"%s\", \"ok\": true}\n", name);
        return;
    }
    for (char *at = why; *at; at++)
        if (*at == '"' || *at == '\\' || *at < ' ') *at = ' ';
    printf("{\"part\": \"%s\", \"ok\": false, \"why\": \"%s\"}\n", name, why[0] ? why : "another value");
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    context = connect_to("REDPOLL_PORT");
    if (!context || context->err) return 1;
    part("types", types);
    part("pipelines", pipelines);
    part("transactions", transactions);
    part("scripts", scripts);
    part("reconnecting", reconnecting);
    redisFree(context);
    return 0;
}
