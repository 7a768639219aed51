/* wasm_vec128.h — HACL*'s 128-bit vector vocabulary on WebAssembly SIMD, as far as
 * Hacl_Chacha20_Vec128.c uses it. HACL*'s own libintvector.h knows x86, ARM and z only.
 * Force-included (-include) into that one file, which alone is compiled with -msimd128. */
#ifndef WASM_VEC128_H
#define WASM_VEC128_H

#include <wasm_simd128.h>

typedef v128_t Lib_IntVector_Intrinsics_vec128;

#define Lib_IntVector_Intrinsics_vec128_zero wasm_i32x4_const_splat(0)
#define Lib_IntVector_Intrinsics_vec128_load32(x) wasm_u32x4_splat(x)
#define Lib_IntVector_Intrinsics_vec128_load32s(a, b, c, d) wasm_u32x4_make(a, b, c, d)
#define Lib_IntVector_Intrinsics_vec128_load32_le(p) wasm_v128_load(p)
#define Lib_IntVector_Intrinsics_vec128_store32_le(p, v) wasm_v128_store(p, v)
#define Lib_IntVector_Intrinsics_vec128_xor(a, b) wasm_v128_xor(a, b)
#define Lib_IntVector_Intrinsics_vec128_add32(a, b) wasm_i32x4_add(a, b)
#define Lib_IntVector_Intrinsics_vec128_rotate_left32(a, n) \
  wasm_v128_or(wasm_i32x4_shl(a, n), wasm_u32x4_shr(a, 32 - (n)))
#define Lib_IntVector_Intrinsics_vec128_interleave_low32(a, b) wasm_i32x4_shuffle(a, b, 0, 4, 1, 5)
#define Lib_IntVector_Intrinsics_vec128_interleave_high32(a, b) wasm_i32x4_shuffle(a, b, 2, 6, 3, 7)
#define Lib_IntVector_Intrinsics_vec128_interleave_low64(a, b) wasm_i64x2_shuffle(a, b, 0, 2)
#define Lib_IntVector_Intrinsics_vec128_interleave_high64(a, b) wasm_i64x2_shuffle(a, b, 1, 3)

#endif
