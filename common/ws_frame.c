#include <errno.h>
#include <string.h>

#include "common/ws_frame.h"

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	SHORT_LEN = 0x7f,
	LEN_16 = 126, /* the length is in the two bytes that follow */
	LEN_64 = 127, /* in the eight */
};

static size_t len_bytes(uint8_t second)
{
	switch (second & SHORT_LEN) {
	case LEN_16:
		return 2;
	case LEN_64:
		return 8;
	default:
		return 0;
	}
}

size_t ws_header_len(const uint8_t first[2])
{
	return 2 + len_bytes(first[1]) + (first[1] & MASKED ? 4 : 0);
}

int ws_header_read(struct ws_frame *f, const uint8_t *header)
{
	size_t n = len_bytes(header[1]);

	memset(f, 0, sizeof(*f));
	f->fin = header[0] & FIN;
	f->reserved = header[0] & RESERVED;
	f->opcode = header[0] & OPCODE;
	f->masked = header[1] & MASKED;
	for (size_t i = 0; i < n; i++)
		f->len = f->len << 8 | header[2 + i];
	if (n == 0)
		f->len = header[1] & SHORT_LEN;
	if (f->masked)
		memcpy(f->mask, header + 2 + n, sizeof(f->mask));
	if (n == 2 && f->len < LEN_16)
		return -EBADMSG;
	if (n == 8 && (f->len <= UINT16_MAX || f->len > INT64_MAX))
		return -EBADMSG;
	return 0;
}

size_t ws_header_write(uint8_t header[WS_HEADER_MAX], enum ws_opcode opcode,
		       uint64_t len)
{
	size_t n;

	header[0] = (uint8_t)(FIN | opcode);
	if (len < LEN_16)
		header[1] = (uint8_t)len;
	else
		header[1] = len > UINT16_MAX ? LEN_64 : LEN_16;
	n = len_bytes(header[1]);
	for (size_t i = 0; i < n; i++)
		header[2 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
	return 2 + n;
}

size_t ws_frame_message(uint8_t header[WS_HEADER_MAX], const char *data,
			size_t len)
{
	return ws_header_write(
		header, ws_is_utf8(data, len) ? WS_TEXT : WS_BINARY, len);
}

size_t ws_frame_control(uint8_t frame[WS_CONTROL_FRAME_MAX],
			enum ws_opcode opcode, const void *data, size_t len)
{
	if (len > WS_CONTROL_MAX)
		len = WS_CONTROL_MAX;
	frame[0] = (uint8_t)(FIN | opcode);
	frame[1] = (uint8_t)len;
	if (len)
		memcpy(frame + 2, data, len);
	return 2 + len;
}

size_t ws_frame_close(uint8_t frame[WS_CONTROL_FRAME_MAX], unsigned code)
{
	const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	return ws_frame_control(frame, WS_CLOSE, payload, sizeof(payload));
}

void ws_unmask(char *data, size_t len, const uint8_t mask[4], uint64_t at)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(data[i] ^ (char)mask[(at + i) & 3]);
}

bool ws_code_is_valid(unsigned code)
{
	enum { NONE_GIVEN = 1005, ABNORMAL = 1006, LAST_KNOWN = 1014 };

	if (code >= 3000)
		return code < 5000;
	return code >= WS_NORMAL && code <= LAST_KNOWN && code != 1004 &&
	       code != NONE_GIVEN && code != ABNORMAL;
}

/* How many bytes follow this first one of a character; -1: none begins so. */
static int utf8_more(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first < 0xc2)
		return -1;
	if (first < 0xe0)
		return 1;
	if (first < 0xf0)
		return 2;
	return first < 0xf5 ? 3 : -1;
}

/* Whether the second byte is one that may follow the first (RFC 3629 4). */
static bool utf8_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return true;
	}
}

bool ws_is_utf8(const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;

	for (size_t i = 0; i < len; i++) {
		int more = utf8_more(p[i]);

		if (more < 0 || (size_t)more >= len - i)
			return false;
		if (more > 0 && !utf8_second(p[i], p[i + 1]))
			return false;
		for (; more > 0; more--) {
			if ((p[++i] & 0xc0) != 0x80)
				return false;
		}
	}
	return true;
}
