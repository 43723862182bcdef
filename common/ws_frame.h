#ifndef COMMON_WS_FRAME_H
#define COMMON_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * WebSocket frames (RFC 6455 section 5), bytes <-> structs; it keeps nothing.
 */
enum {
	WS_HEADER_MAX = 14, /* of a frame: length of 8 bytes, mask of 4 */
	WS_CONTROL_MAX = 125,
	WS_CONTROL_FRAME_MAX = 2 + WS_CONTROL_MAX, /* of ours: no mask */
};

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

/* Why a connection is closed (7.4.1). */
enum ws_code {
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL_ERROR = 1002,
	WS_NOT_UTF8 = 1007,
	WS_TOO_BIG = 1009,
	WS_INTERNAL_ERROR = 1011,
};

struct ws_frame {
	uint64_t len; /* of the payload */
	uint8_t mask[4];
	uint8_t opcode; /* any four bits */
	bool fin;
	bool masked;
	uint8_t reserved; /* RSV1-3; 0 where no extension was agreed upon */
};

/* How many bytes the header has that begins with these two. */
size_t ws_header_len(const uint8_t first[2]);

/* Read a whole header. 0, or -EBADMSG where a length is not written in the
 * fewest bytes or has its top bit set (5.2). */
int ws_header_read(struct ws_frame *f, const uint8_t *header);

/* The header of a whole unfragmented message of `len` bytes, as a server sends
 * it (without mask); returns its length. */
size_t ws_header_write(uint8_t header[WS_HEADER_MAX], enum ws_opcode opcode,
		       uint64_t len);

/* The header of a frame that carries this SIP message: text where it is UTF-8,
 * else binary (RFC 7118 section 5), for a browser closes a connection on which
 * text is anything else. The message follows as it is. */
size_t ws_frame_message(uint8_t header[WS_HEADER_MAX], const char *data,
			size_t len);

/* Whole control frames; return their length. A ping or pong of `len` bytes, at
 * most WS_CONTROL_MAX (what is beyond is cut). */
size_t ws_frame_control(uint8_t frame[WS_CONTROL_FRAME_MAX],
			enum ws_opcode opcode, const void *data, size_t len);
size_t ws_frame_close(uint8_t frame[WS_CONTROL_FRAME_MAX], unsigned code);

/* Unmask in place bytes that begin `at` bytes into the payload (5.3). */
void ws_unmask(char *data, size_t len, const uint8_t mask[4], uint64_t at);

/* Whether a peer may close with this code (7.4). */
bool ws_code_is_valid(unsigned code);

/* Whether it is UTF-8: no surrogates, nothing overlong (RFC 3629). */
bool ws_is_utf8(const char *data, size_t len);

#endif
