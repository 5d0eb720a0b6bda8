// The Cephes library's single-precision constants, as float32 holds them (so that no rounding is left to do), in what both
// TypeScript and AssemblyScript can read. Source: ATen/native/cpu/avx_mathfun.h.

export const TWO_PI = 6.2831854820251465;
export const FOUR_OVER_PI = 1.2732394933700562;
export const ROOT_HALF = 0.7071067690849304;

/** Of log(1 + x) beyond x − x²/2, from the highest power to the lowest. */
export const LOG_8 = 0.07037683576345444;
export const LOG_7 = -0.11514610052108765;
export const LOG_6 = 0.11676998436450958;
export const LOG_5 = -0.12420140951871872;
export const LOG_4 = 0.14249323308467865;
export const LOG_3 = -0.16668057441711426;
export const LOG_2 = 0.2000071406364441;
export const LOG_1 = -0.24999994039535522;
export const LOG_0 = 0.3333333134651184;

/** The natural logarithm of 2 in two parts, so that the large one multiplies small integers exactly. */
export const LOG2_LOW = -0.00021219444170128554;
export const LOG2_HIGH = 0.693359375;

export const SINE_5 = -0.00019515295571181923;
export const SINE_3 = 0.008332161232829094;
export const SINE_1 = -0.16666655242443085;
export const COSINE_6 = 0.0000244331567955669;
export const COSINE_4 = -0.0013887316454201937;
export const COSINE_2 = 0.04166664555668831;

/** A quarter of π, turned round, in three parts (Cody and Waite). */
export const PART_1 = -0.78515625;
export const PART_2 = -0.00024187564849853516;
export const PART_3 = -3.774895063202166e-8;
