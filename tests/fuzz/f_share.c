#include "tests/fuzz/fuzz.h"

#include "backends/share.h"

#define SUMMED (SHARE_HEADER - 4) /* bytes before the checksum */

/* Anybody can make a checksum, so each header gets a right one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t in[SHARE_HEADER], again[SHARE_HEADER];
	struct share_header h;
	uint32_t sum;
	int i;

	if (size < SUMMED)
		return 0;
	memcpy(in, data, SUMMED);
	sum = share_crc32c(0, BYTES(in, SUMMED));
	for (i = 0; i < 4; i++)
		in[SUMMED + i] = (uint8_t)(sum >> (24 - 8 * i));
	if (share_header_decode(in, &h) != 0)
		return 0;
	/* what is read of it must be of a size that exists */
	if (share_size(&h) < SHARE_HEADER || h.k == 0 || h.k > h.n ||
		h.n > RLNC_N_MAX)
		abort();
	share_header_encode(&h, again);
	if (memcmp(again, in, SHARE_HEADER) != 0)
		abort();
	return 0;
}
