#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "relayd/worker.h"

/* Is in the mailbox, or has been taken out. */
struct beat {
	struct worker_task task;
	atomic_bool pending;
};

struct worker {
	uv_loop_t loop;
	uv_async_t wake;
	uv_thread_t thread;
	uv_mutex_t lock;
	/* under the lock: */
	struct worker_task *first, **last;
	size_t n;
	/* the thread's own: */
	bool stopping;
	uv_sem_t resumed;
	struct beat beat;
};

static struct worker_task *take_all(struct worker *w)
{
	struct worker_task *t;

	uv_mutex_lock(&w->lock);
	t = w->first;
	w->first = NULL;
	w->last = &w->first;
	w->n = 0;
	uv_mutex_unlock(&w->lock);
	return t;
}

static void on_wake(uv_async_t *async)
{
	struct worker *w = async->data;
	struct worker_task *t = take_all(w);

	while (t) {
		struct worker_task *next = t->next;

		t->fn(t);
		t = next;
	}
	if (w->stopping)
		uv_close((uv_handle_t *)&w->wake, NULL);
}

static void run(void *arg)
{
	struct worker *w = arg;

	uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void put(struct worker *w, struct worker_task *task)
{
	task->next = NULL;
	*w->last = task;
	w->last = &task->next;
	w->n++;
}

int worker_start(struct worker **wp)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->last = &w->first;
	err = uv_loop_init(&w->loop);
	if (err)
		goto out_free;
	err = uv_mutex_init(&w->lock);
	if (err)
		goto out_loop;
	err = uv_async_init(&w->loop, &w->wake, on_wake);
	if (err)
		goto out_lock;
	w->wake.data = w;
	uv_sem_init(&w->resumed, 0);
	err = uv_thread_create(&w->thread, run, w);
	if (!err) {
		*wp = w;
		return 0;
	}
	uv_sem_destroy(&w->resumed);
	uv_close((uv_handle_t *)&w->wake, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
out_lock:
	uv_mutex_destroy(&w->lock);
out_loop:
	uv_loop_close(&w->loop);
out_free:
	free(w);
	return err;
}

uv_loop_t *worker_loop(struct worker *w)
{
	return &w->loop;
}

int worker_post(struct worker *w, struct worker_task *task)
{
	bool full;

	uv_mutex_lock(&w->lock);
	full = w->n >= WORKER_MAILBOX_MAX;
	if (!full)
		put(w, task);
	uv_mutex_unlock(&w->lock);
	if (full)
		return -ENOBUFS;
	uv_async_send(&w->wake);
	return 0;
}

struct call {
	struct worker_task task;
	void (*fn)(void *arg);
	void *arg;
	uv_sem_t done;
};

static void call(struct worker_task *task)
{
	struct call *c = (struct call *)(void *)task;

	c->fn(c->arg);
	uv_sem_post(&c->done);
}

/* A full mailbox does not refuse those: they are few and somebody waits. */
void worker_call(struct worker *w, void (*fn)(void *arg), void *arg)
{
	struct call c = {{NULL, call}, fn, arg, {{0}}};

	uv_sem_init(&c.done, 0);
	uv_mutex_lock(&w->lock);
	put(w, &c.task);
	uv_mutex_unlock(&w->lock);
	uv_async_send(&w->wake);
	uv_sem_wait(&c.done);
	uv_sem_destroy(&c.done);
}

struct hold {
	struct worker_task task;
	struct worker *worker;
	uv_sem_t held;
};

static void hold(struct worker_task *task)
{
	struct hold *h = (struct hold *)(void *)task;
	struct worker *w = h->worker;

	uv_sem_post(&h->held); /* `h` is gone from here on */
	uv_sem_wait(&w->resumed);
}

void worker_hold(struct worker *w)
{
	struct hold h = {{NULL, hold}, w, {{0}}};

	uv_sem_init(&h.held, 0);
	uv_mutex_lock(&w->lock);
	put(w, &h.task);
	uv_mutex_unlock(&w->lock);
	uv_async_send(&w->wake);
	uv_sem_wait(&h.held);
	uv_sem_destroy(&h.held);
}

void worker_resume(struct worker *w)
{
	uv_sem_post(&w->resumed);
}

static void answer(struct worker_task *task)
{
	atomic_store(&((struct beat *)(void *)task)->pending, false);
}

bool worker_turned(struct worker *w)
{
	if (atomic_exchange(&w->beat.pending, true))
		return false;
	w->beat.task.fn = answer;
	if (!worker_post(w, &w->beat.task))
		return true;
	atomic_store(&w->beat.pending, false);
	return false; /* its mailbox is full */
}

static void stop(void *arg)
{
	struct worker *w = arg;

	w->stopping = true;
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	worker_call(w, stop, w);
	uv_thread_join(&w->thread);
	uv_loop_close(&w->loop);
	uv_sem_destroy(&w->resumed);
	uv_mutex_destroy(&w->lock);
	free(w);
}
