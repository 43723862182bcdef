#ifndef COMMON_CONF_TEXT_H
#define COMMON_CONF_TEXT_H

#include <stddef.h>

/*
 * The line (from 1) at which a key stands in JSON text that has already been
 * found valid, for error messages: the parser's tree has no lines. `names` is
 * the path of n member names from the outermost object; `item` 0 asks for the
 * key itself, otherwise for that item (from 1) of the list it holds. 0 where
 * there is none.
 */
unsigned conf_text_line(const char *text, size_t len, const char *const *names,
			size_t n, size_t item);

#endif
