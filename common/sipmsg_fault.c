#include "common/sipmsg_fault.h"

static const struct {
	const char *name;
	int status;
	const char *phrase;
} faults[SIPMSG_FAULT_COUNT] = {{"none", 0, NULL},
#define FAULT(name, status, phrase) {#name, (status), (phrase)},
				SIPMSG_FAULTS(FAULT)
#undef FAULT
};

const struct metric_def sipmsg_fault_defs[SIPMSG_FAULT_DEFS] = {
#define FAULT_DEF(name, status, phrase) {"malformed_" #name, phrase},
	SIPMSG_FAULTS(FAULT_DEF)
#undef FAULT_DEF
};

const char *sipmsg_fault_name(enum sipmsg_fault fault)
{
	return faults[fault].name;
}

const char *sipmsg_fault_phrase(enum sipmsg_fault fault)
{
	return faults[fault].phrase;
}

int sipmsg_fault_status(enum sipmsg_fault fault)
{
	return faults[fault].status;
}
