#ifndef REDIRECTD_RECORD_FAULT_H
#define REDIRECTD_RECORD_FAULT_H

#include <jansson.h>

/* Say in why[len] which key makes a JSON object no record (record.h), and what
 * is wrong with it: missing, unknown, or the value that it has. */
void record_fault(char *why, size_t len, json_t *record);

#endif
