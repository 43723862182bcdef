#ifndef RELAYD_MOS_H
#define RELAYD_MOS_H

#include <stdint.h>

/*
 * The mean opinion score by a simplified E-model (ITU-T G.107): an estimate
 * from loss, delay and codec, which hears neither echo nor noise.
 *
 *   R = 93.2 - Id - Ie,eff
 *   Id = 0.024 d + 0.11 (d - 177.3) where d > 177.3 ms
 *   Ie,eff = Ie + (95 - Ie) Ppl / (Ppl + Bpl)
 *
 * All is on the narrowband scale, so that G.722 and Opus score no better than
 * G.711 at its best, and loss is taken as random (BurstR = 1).
 *
 * Encoding name, Ie, Bpl, delay in ms of a 20 or 30 ms packet and the codec's
 * look-ahead. From G.113 Appendix I, G.711 with concealment; "assumed" where
 * that has no value or none on this scale.
 */
#define MOS_CODECS(X)                                                          \
	X("PCMU", 0, 25.1, 20)                                                 \
	X("PCMA", 0, 25.1, 20)                                                 \
	X("G729", 11, 19.0, 25)                                                \
	X("G723", 15, 16.1, 37.5)                                              \
	X("GSM-EFR", 5, 10.0, 20)                                              \
	X("GSM", 20, 10.0, 20)    /* Bpl assumed: that of GSM-EFR */           \
	X("AMR", 5, 10.0, 25)     /* at 12.2 kbit/s, which is GSM-EFR */       \
	X("G726-32", 7, 10.0, 20) /* Bpl assumed */                            \
	X("iLBC", 11, 32.0, 30)   /* assumed */                                \
	X("G722", 0, 10.0, 21.5)  /* assumed */                                \
	X("opus", 0, 20.0, 26.5)  /* assumed, without in-band FEC */

struct mos_input {
	const char *codec; /* encoding name as in SDP, in any case */
	double loss;       /* 0 to 1 */
	double delay_ms;   /* of the network, one way */
	double jitter_ms;  /* the phone's buffer is taken to hold twice that */
};

/* 1 to 4.5; 0 where the codec is not in the table. */
double mos_estimate(const struct mos_input *in);

#endif
