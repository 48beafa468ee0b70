/*
 * shapes.h - the shapes of calls into the C library: the types of the result and of the arguments.
 *
 * A shape is written as letters, the result first: i_pbu returns an int32_t and takes a pointer, bytes and a uint32_t.
 *
 *   letter  in declarations.ts  in C
 *   p       ptr                 void *: a number, null, or bytes; a result of NULL is 0
 *   b       buffer              void *: bytes, a typed array
 *   u       u32                 uint32_t
 *   i       i32                 int32_t
 *   f       f64                 double
 *   v       void                nothing
 *
 * A function of the library with a shape that is not here needs its shape in the list. Until then the library is
 * refused when it is loaded. A shape calls by a type in which all pointers are void *: the platforms of libipc pass
 * all of them in the same way.
 */
#ifndef LIBIPC_NODE_SHAPES_H
#define LIBIPC_NODE_SHAPES_H

/* A line for each number of arguments. */
/* clang-format off */
#define SHAPES(S0, S1, S2, S3, S4, S5, S6)                                                                          \
  S0(f) S0(i) S0(p) S0(u) S0(v)                                                                                     \
  S1(f, p) S1(i, b) S1(i, p) S1(p, p) S1(u, p) S1(v, b) S1(v, i) S1(v, p)                                           \
  S2(i, b, b) S2(i, i, b) S2(i, p, b) S2(i, p, i) S2(i, p, u) S2(p, p, b) S2(u, b, u) S2(v, p, u) S2(v, u, u)       \
  S3(i, p, b, b) S3(i, p, b, i) S3(i, p, b, u) S3(i, p, f, b) S3(i, p, i, b) S3(i, p, i, i) S3(i, p, u, b)          \
  S3(i, p, u, i) S3(i, p, u, u) S3(i, u, u, i) S3(v, p, u, u)                                                       \
  S4(i, b, b, u, b) S4(i, p, b, u, b) S4(i, p, b, u, i) S4(i, p, f, u, u) S4(i, p, u, b, u) S4(i, p, u, i, b) S4(i, p, u, u, u)       \
  S4(i, u, u, u, u) S4(p, b, b, b, b) S4(u, b, b, u, b) S4(v, p, u, u, u)                                           \
  S5(i, b, b, u, b, b) S5(i, p, u, u, f, i)                                                                         \
  S6(i, p, b, u, b, u, i) S6(i, p, u, u, u, u, b)
/* clang-format on */

#endif
