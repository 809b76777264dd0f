/// SIMD kernels in C11: instruction-set choice, status codes and the conventions that every header here follows.
///
/// Every kernel is one source compiled for each instruction set. Vectors are sixteen floats on all of them, sums follow one
/// fixed tree, and every multiply-add is fused: AVX-512, AVX2 and the portable twin return the same bits.
///
/// Conventions: arrays are row-major float32 without alignment demands; a kernel allocates nothing, keeps no state and reads
/// or writes only what its comment names; arguments do not overlap unless the comment says so. A kernel that works on rows
/// takes pointers to its first row, so a caller splits work by offsetting them. No result depends on where rows are split.
/// Sums over rows are kept apart per block of GRD_ROW_BLOCK rows; the caller adds the blocks in order.
#ifndef GRADUS_KERNELS_H
#define GRADUS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a kernel that can refuse its arguments returns.
typedef enum {
  GRD_OK = 0,
  GRD_INVALID_ARGUMENT = 1,    ///< A size or option is out of range.
  GRD_SCRATCH_TOO_SMALL = 2,   ///< Ask the kernel's scratch query for the number of floats.
  GRD_UNSUPPORTED = 3,         ///< This processor lacks the instruction set.
} grd_status;

/// Instruction sets with a build of every kernel, weakest first.
typedef enum {
  GRD_ISA_PORTABLE = 0,  ///< The baseline of the architecture: NEON on arm64; on x86-64 slow, and only a twin to test against.
  GRD_ISA_AVX2 = 1,      ///< AVX2 and FMA.
  GRD_ISA_AVX512 = 2,    ///< AVX-512 F, BW, VL and DQ.
} grd_isa;

/// Processor features that the kernels or oneDNN can use, as bits of grd_cpu_features().
enum {
  GRD_CPU_AVX2 = 1u << 0,
  GRD_CPU_FMA = 1u << 1,
  GRD_CPU_AVX512 = 1u << 2,  ///< F, BW, VL and DQ together.
  GRD_CPU_AVX512_VNNI = 1u << 3,
  GRD_CPU_AVX512_BF16 = 1u << 4,
  GRD_CPU_AMX_BF16 = 1u << 5,
  GRD_CPU_AMX_INT8 = 1u << 6,
  GRD_CPU_NEON = 1u << 7,
  GRD_CPU_NEON_DOT = 1u << 8,  ///< arm64's products of four bytes.
  GRD_CPU_AVX512_FP16 = 1u << 9,
};

enum {
  /// Rows that share one partial sum in every kernel that sums over rows.
  GRD_ROW_BLOCK = 64,
};

/// The instruction set that kernels called from this thread use: the strongest that the processor has, unless grd_set_isa()
/// chose another.
grd_isa grd_isa_in_use(void);

/// Uses `isa` in kernels that this thread calls from now on. For tests and for finding faults; results do not change, speed does.
grd_status grd_set_isa(grd_isa isa);

/// What the processor and the operating system offer, as a set of GRD_CPU_ bits.
uint32_t grd_cpu_features(void);

/// 1 where the processor's bfloat16 products are faster than two fused multiply-adds of widened numbers, which give the same
/// bits; 0 where they are not, or where there are none. Intel's take four times as long as an fp32 multiply-add, AMD's about as
/// long. Measured at the first call, in some ten microseconds.
int grd_bf16_is_fast(void);

#ifdef __cplusplus
}
#endif
#endif
