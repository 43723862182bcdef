#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * A fuzz target is one function, which libFuzzer (make fuzz) or replay.c
 * (make check) calls with one input after the other. Whatever the input, it
 * returns 0; what must hold for every input is said with MUST().
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this one stays whatever the build. */
#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

#endif
