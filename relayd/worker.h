#ifndef RELAYD_WORKER_H
#define RELAYD_WORKER_H

#include <stdbool.h>
#include <uv.h>

/*
 * A thread with a loop of its own and a mailbox: what is put there runs in the
 * thread, in order. Whatever lives in the loop is touched by nobody else.
 */
struct worker;

struct worker_task;
typedef void worker_h(struct worker_task *task);

/* Put it in front of what the task is about; whoever runs it owns it then. */
struct worker_task {
	struct worker_task *next;
	worker_h *fn;
};

enum { WORKER_MAILBOX_MAX = 8192 };

/* Start one. 0 or a negative errno. */
int worker_start(struct worker **wp);

/* To be used within the thread. */
uv_loop_t *worker_loop(struct worker *w);

/* Have task->fn(task) called. 0, or -ENOBUFS: the mailbox is full and the task
 * still the caller's. */
int worker_post(struct worker *w, struct worker_task *task);

/* Call fn(arg) in the thread and wait until it has returned; never from a
 * worker. */
void worker_call(struct worker *w, void (*fn)(void *arg), void *arg);

/* Stop the thread behind what is in its mailbox, until worker_resume(): what
 * lives in its loop is the caller's in between. No worker_call() meanwhile. */
void worker_hold(struct worker *w);
void worker_resume(struct worker *w);

/* Whether the thread has taken up what this put into its mailbox the last time;
 * then it puts it there again. Does not wait. */
bool worker_turned(struct worker *w);

/* End the thread behind what is in its mailbox; by then all handles but its
 * own are to be closing. NULL is fine. */
void worker_stop(struct worker *w);

#endif
