/*
 * keccak_round: one round of Keccak-f[1600] (FIPS 202 3.2) on a state kept in
 * 25 variables a00..a24 (a00 = lane x=0,y=0; a01 = x=1,y=0; ...), written once
 * for every width of vector.  Included by keccak.c alone, which defines before:
 *
 *	V		a vector of 64-bit lanes
 *	ROL(v, n)	rotate each lane left
 *	XOR(a, b), XOR3(a, b, c), CHI(a, b, c) = a ^ (~b & c)
 *	SET1(c)		c in every lane
 *
 * A round reads state A and writes state E, so that two rounds come back.
 */

#define KECCAK_STATE(A)                                                        \
	V A##00, A##01, A##02, A##03, A##04, A##05, A##06, A##07, A##08,       \
		A##09, A##10, A##11, A##12, A##13, A##14, A##15, A##16,        \
		A##17, A##18, A##19, A##20, A##21, A##22, A##23, A##24

/* theta's column parity and the rotation by rho, lanes picked by pi */
#define KECCAK_B(A, lane, d, n) ROL(XOR(A##lane, d), n)

#define KECCAK_CHI5(E, e0, e1, e2, e3, e4)                                     \
	do {                                                                   \
		E##e0 = CHI(b0, b1, b2);                                       \
		E##e1 = CHI(b1, b2, b3);                                       \
		E##e2 = CHI(b2, b3, b4);                                       \
		E##e3 = CHI(b3, b4, b0);                                       \
		E##e4 = CHI(b4, b0, b1);                                       \
	} while (0)

#define KECCAK_ROUND(A, E, rc)                                                 \
	do {                                                                   \
		V c0 = XOR3(XOR3(A##00, A##05, A##10), A##15, A##20);          \
		V c1 = XOR3(XOR3(A##01, A##06, A##11), A##16, A##21);          \
		V c2 = XOR3(XOR3(A##02, A##07, A##12), A##17, A##22);          \
		V c3 = XOR3(XOR3(A##03, A##08, A##13), A##18, A##23);          \
		V c4 = XOR3(XOR3(A##04, A##09, A##14), A##19, A##24);          \
		V d0 = XOR(c4, ROL(c1, 1)), d1 = XOR(c0, ROL(c2, 1));          \
		V d2 = XOR(c1, ROL(c3, 1)), d3 = XOR(c2, ROL(c4, 1));          \
		V d4 = XOR(c3, ROL(c0, 1));                                    \
		V b0, b1, b2, b3, b4;                                          \
                                                                               \
		b0 = XOR(A##00, d0);                                           \
		b1 = KECCAK_B(A, 06, d1, 44);                                  \
		b2 = KECCAK_B(A, 12, d2, 43);                                  \
		b3 = KECCAK_B(A, 18, d3, 21);                                  \
		b4 = KECCAK_B(A, 24, d4, 14);                                  \
		KECCAK_CHI5(E, 00, 01, 02, 03, 04);                            \
		E##00 = XOR(E##00, SET1(rc));                                  \
		b0 = KECCAK_B(A, 03, d3, 28);                                  \
		b1 = KECCAK_B(A, 09, d4, 20);                                  \
		b2 = KECCAK_B(A, 10, d0, 3);                                   \
		b3 = KECCAK_B(A, 16, d1, 45);                                  \
		b4 = KECCAK_B(A, 22, d2, 61);                                  \
		KECCAK_CHI5(E, 05, 06, 07, 08, 09);                            \
		b0 = KECCAK_B(A, 01, d1, 1);                                   \
		b1 = KECCAK_B(A, 07, d2, 6);                                   \
		b2 = KECCAK_B(A, 13, d3, 25);                                  \
		b3 = KECCAK_B(A, 19, d4, 8);                                   \
		b4 = KECCAK_B(A, 20, d0, 18);                                  \
		KECCAK_CHI5(E, 10, 11, 12, 13, 14);                            \
		b0 = KECCAK_B(A, 04, d4, 27);                                  \
		b1 = KECCAK_B(A, 05, d0, 36);                                  \
		b2 = KECCAK_B(A, 11, d1, 10);                                  \
		b3 = KECCAK_B(A, 17, d2, 15);                                  \
		b4 = KECCAK_B(A, 23, d3, 56);                                  \
		KECCAK_CHI5(E, 15, 16, 17, 18, 19);                            \
		b0 = KECCAK_B(A, 02, d2, 62);                                  \
		b1 = KECCAK_B(A, 08, d3, 55);                                  \
		b2 = KECCAK_B(A, 14, d4, 39);                                  \
		b3 = KECCAK_B(A, 15, d0, 41);                                  \
		b4 = KECCAK_B(A, 21, d1, 2);                                   \
		KECCAK_CHI5(E, 20, 21, 22, 23, 24);                            \
	} while (0)

/* f(A, lane, word) for the 17 words that a block fills, and for all 25 */
#define KECCAK_EACH17(f, A)                                                    \
	f(A, 00, 0);  f(A, 01, 1);  f(A, 02, 2);  f(A, 03, 3);                 \
	f(A, 04, 4);  f(A, 05, 5);  f(A, 06, 6);  f(A, 07, 7);                 \
	f(A, 08, 8);  f(A, 09, 9);  f(A, 10, 10); f(A, 11, 11);                \
	f(A, 12, 12); f(A, 13, 13); f(A, 14, 14); f(A, 15, 15);                \
	f(A, 16, 16)
#define KECCAK_EACH25(f, A)                                                    \
	KECCAK_EACH17(f, A);                                                   \
	f(A, 17, 17); f(A, 18, 18); f(A, 19, 19); f(A, 20, 20);                \
	f(A, 21, 21); f(A, 22, 22); f(A, 23, 23); f(A, 24, 24)
