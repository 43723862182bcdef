/* For `make lint` alone: cppcheck does not follow <sys/queue.h>, nor
 * <bpf/bpf_helpers.h>. */
#define SEC(name)
#define TAILQ_HEAD(name, type)                                                 \
	struct name {                                                          \
		struct type *tqh_first, **tqh_last;                            \
	}
#define LIST_HEAD(name, type)                                                  \
	struct name {                                                          \
		struct type *lh_first;                                         \
	}
#define STAILQ_HEAD(name, type)                                                \
	struct name {                                                          \
		struct type *stqh_first, **stqh_last;                          \
	}
#define SLIST_HEAD(name, type)                                                 \
	struct name {                                                          \
		struct type *slh_first;                                        \
	}
#define SLIST_ENTRY(type)                                                      \
	struct {                                                               \
		struct type *sle_next;                                         \
	}
#define SLIST_FOREACH(var, head, field)                                        \
	for ((var) = (head)->slh_first; (var); (var) = (var)->field.sle_next)
#define STAILQ_FOREACH(var, head, field)                                       \
	for ((var) = (head)->stqh_first; (var);                                \
	     (var) = (var)->field.stqe_next)
