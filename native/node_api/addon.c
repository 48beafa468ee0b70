/*
 * libipc_node.node: lets Node call the C library, through version 8 of Node-API, which all Nodes from 20 on have.
 *
 * It links to nothing but libc. JavaScript opens the library by its path, and asks for each function by its name and
 * the shape of its call (shapes.h, packages/core/src/native/declarations.ts). It gets a JavaScript function whose data
 * is the address of the C function, so that a call allocates nothing, except for a result that is not a small integer.
 *
 * The addon has no state, and every thread initializes it for itself. A Worker may be terminated at any moment: then
 * calls of Node-API fail, and each function here returns NULL to Node at once, without an error of its own. What a
 * Worker has to give back are its buffers. Node calls their release when they are collected or when the Worker ends, in
 * both cases in the thread of the Worker.
 *
 * The addon and the library stay loaded until the process ends: of the library, handlers run that Node knows nothing
 * of, and a Worker that ends closes what it has loaded.
 */
#define _GNU_SOURCE /* dladdr */
#define NAPI_VERSION 8
#include <dlfcn.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shapes.h"

enum {
  MAX_ARGUMENTS = 6,
  PATH_BYTES = 4096,
  NAME_BYTES = 64,
};

/* A call from JavaScript. */
typedef struct call {
  napi_env env;
  napi_value arguments[MAX_ARGUMENTS];
  void *function; /* the data of the JavaScript function */
  bool is_valid;  /* all arguments so far had their type */
} call;

static call call_begin(napi_env env, napi_callback_info info, size_t count) {
  call it = {.env = env};
  size_t given = count;
  it.is_valid = napi_get_cb_info(env, info, &given, it.arguments, NULL, &it.function) == napi_ok && given >= count;
  return it;
}

/* The arguments come from the packages of libipc, which are typed: this is a defect of libipc. */
static napi_value call_refuse(const call *it) {
  napi_throw_type_error(it->env, "ERR_INVALID_ARG_TYPE", "libipc: an argument of a native function has a wrong type");
  return NULL;
}

static uint32_t read_u(call *it, int index) {
  uint32_t value = 0;
  it->is_valid &= napi_get_value_uint32(it->env, it->arguments[index], &value) == napi_ok;
  return value;
}

static int32_t read_i(call *it, int index) {
  int32_t value = 0;
  it->is_valid &= napi_get_value_int32(it->env, it->arguments[index], &value) == napi_ok;
  return value;
}

static double read_f(call *it, int index) {
  double value = 0;
  it->is_valid &= napi_get_value_double(it->env, it->arguments[index], &value) == napi_ok;
  return value;
}

static void *read_b(call *it, int index) {
  void *bytes = NULL;
  it->is_valid &= napi_get_typedarray_info(it->env, it->arguments[index], NULL, NULL, &bytes, NULL, NULL) == napi_ok;
  return bytes;
}

/* An address is a number: every platform has addresses of less than 53 bits. */
static void *read_p(call *it, int index) {
  double address;
  if (napi_get_value_double(it->env, it->arguments[index], &address) == napi_ok) return (void *)(uintptr_t)address;
  napi_valuetype type;
  if (napi_typeof(it->env, it->arguments[index], &type) == napi_ok && type == napi_null) return NULL;
  return read_b(it, index);
}

static napi_value make_u(napi_env env, uint32_t result) {
  napi_value made = NULL;
  napi_create_uint32(env, result, &made);
  return made;
}

static napi_value make_i(napi_env env, int32_t result) {
  napi_value made = NULL;
  napi_create_int32(env, result, &made);
  return made;
}

static napi_value make_f(napi_env env, double result) {
  napi_value made = NULL;
  napi_create_double(env, result, &made);
  return made;
}

static napi_value make_p(napi_env env, void *result) { return make_f(env, (double)(uintptr_t)result); }

typedef uint32_t type_u;
typedef int32_t type_i;
typedef double type_f;
typedef void *type_p, *type_b;
typedef void type_v;

/* Returns the result of a call to JavaScript: `undefined` for void. */
#define RETURN_u(result) return make_u(env, result)
#define RETURN_i(result) return make_i(env, result)
#define RETURN_f(result) return make_f(env, result)
#define RETURN_p(result) return make_p(env, result)
#define RETURN_v(result) return (result, NULL)

/* The function of a shape: reads the arguments, and calls `types` with `values`. */
#define DEFINE(R, letters, count, reads, types, values)                           \
  static napi_value call_##R##_##letters(napi_env env, napi_callback_info info) { \
    call it = call_begin(env, info, count);                                       \
    reads;                                                                        \
    if (!it.is_valid) return call_refuse(&it);                                    \
    RETURN_##R(((type_##R(*) types)it.function)values);                           \
  }
#define READ(letter, index) type_##letter a##index = read_##letter(&it, index)

#define DEFINE0(R) DEFINE(R, , 0, , (void), ())
#define DEFINE1(R, A) DEFINE(R, A, 1, READ(A, 0), (type_##A), (a0))
#define DEFINE2(R, A, B) DEFINE(R, A##B, 2, READ(A, 0); READ(B, 1), (type_##A, type_##B), (a0, a1))
#define DEFINE3(R, A, B, C) \
  DEFINE(R, A##B##C, 3, READ(A, 0); READ(B, 1); READ(C, 2), (type_##A, type_##B, type_##C), (a0, a1, a2))
#define DEFINE4(R, A, B, C, D)                                 \
  DEFINE(R, A##B##C##D, 4, READ(A, 0); READ(B, 1); READ(C, 2); \
         READ(D, 3), (type_##A, type_##B, type_##C, type_##D), (a0, a1, a2, a3))
#define DEFINE5(R, A, B, C, D, E)                                             \
  DEFINE(R, A##B##C##D##E, 5, READ(A, 0); READ(B, 1); READ(C, 2); READ(D, 3); \
         READ(E, 4), (type_##A, type_##B, type_##C, type_##D, type_##E), (a0, a1, a2, a3, a4))
#define DEFINE6(R, A, B, C, D, E, F)                                                         \
  DEFINE(R, A##B##C##D##E##F, 6, READ(A, 0); READ(B, 1); READ(C, 2); READ(D, 3); READ(E, 4); \
         READ(F, 5), (type_##A, type_##B, type_##C, type_##D, type_##E, type_##F), (a0, a1, a2, a3, a4, a5))

SHAPES(DEFINE0, DEFINE1, DEFINE2, DEFINE3, DEFINE4, DEFINE5, DEFINE6)

#define ENTRY(R, letters) {#R "_" #letters, call_##R##_##letters},
#define ENTRY0(R) ENTRY(R, )
#define ENTRY1(R, A) ENTRY(R, A)
#define ENTRY2(R, A, B) ENTRY(R, A##B)
#define ENTRY3(R, A, B, C) ENTRY(R, A##B##C)
#define ENTRY4(R, A, B, C, D) ENTRY(R, A##B##C##D)
#define ENTRY5(R, A, B, C, D, E) ENTRY(R, A##B##C##D##E)
#define ENTRY6(R, A, B, C, D, E, F) ENTRY(R, A##B##C##D##E##F)

static const struct {
  const char *letters;
  napi_callback call;
} shapes[] = {SHAPES(ENTRY0, ENTRY1, ENTRY2, ENTRY3, ENTRY4, ENTRY5, ENTRY6)};

static napi_callback find_shape(const char *letters) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (strcmp(shapes[i].letters, letters) == 0) return shapes[i].call;
  return NULL;
}

static void read_text(call *it, int index, char *text, size_t bytes) {
  size_t length = 0;
  it->is_valid &= napi_get_value_string_utf8(it->env, it->arguments[index], text, bytes, &length) == napi_ok &&
                  length < bytes - 1; /* longer text would have been cut off */
}

static napi_value throw_error(napi_env env, const char *text) {
  napi_throw_error(env, NULL, text);
  return NULL;
}

/* Where V8 keeps all memory of JavaScript in a sandbox, mapped memory cannot be lent to it. */
static bool can_lend(napi_env env) {
  static char byte;
  napi_value buffer;
  return napi_create_external_arraybuffer(env, &byte, 1, NULL, NULL, &buffer) != napi_no_external_buffers_allowed;
}

/* open(path): the library, for find(). Throws what the system says. */
static napi_value addon_open(napi_env env, napi_callback_info info) {
  char path[PATH_BYTES];
  call it = call_begin(env, info, 1);
  read_text(&it, 0, path, sizeof path);
  if (!it.is_valid) return call_refuse(&it);
  if (!can_lend(env))
    return throw_error(env, "this runtime does not lend memory to JavaScript (napi_no_external_buffers_allowed)");
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  return library ? make_p(env, library) : throw_error(env, dlerror());
}

/* find(library, name, shape): a function of the library. */
static napi_value addon_find(napi_env env, napi_callback_info info) {
  char name[NAME_BYTES], letters[NAME_BYTES];
  call it = call_begin(env, info, 3);
  void *library = read_p(&it, 0);
  read_text(&it, 1, name, sizeof name);
  read_text(&it, 2, letters, sizeof letters);
  if (!it.is_valid) return call_refuse(&it);
  napi_callback shape = find_shape(letters);
  if (!shape) return throw_error(env, "libipc_node.node has no such shape: it is of another version of libipc");
  void *function = dlsym(library, name);
  if (!function) return throw_error(env, dlerror());
  napi_value made = NULL;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, shape, function, &made);
  return made;
}

typedef void release_function(void *bytes, void *held);

/* Memory that JavaScript has as a buffer. */
typedef struct lent {
  release_function *release;
  void *held;
} lent;

static void lent_back(napi_env env, void *bytes, void *hint) {
  (void)env;
  lent *it = hint;
  it->release(bytes, it->held);
  free(it);
}

/*
 * lend(address, byteLength, release, held): an ArrayBuffer of memory, without a copy. When it is collected, or its
 * thread ends, `release(address, held)` is called. If the buffer cannot be made, `release` is called, too.
 */
static napi_value addon_lend(napi_env env, napi_callback_info info) {
  call it = call_begin(env, info, 4);
  void *bytes = read_p(&it, 0);
  double length = read_f(&it, 1);
  release_function *release = (release_function *)read_p(&it, 2);
  void *held = read_p(&it, 3);
  if (!it.is_valid) return call_refuse(&it);
  lent *lending = malloc(sizeof *lending);
  if (!lending) {
    release(bytes, held);
    return throw_error(env, "the system gave no memory");
  }
  *lending = (lent){.release = release, .held = held};
  napi_value buffer = NULL;
  napi_status status = napi_create_external_arraybuffer(env, bytes, (size_t)length, lent_back, lending, &buffer);
  if (status == napi_ok) return buffer;
  /* A generic failure comes after Node took over the memory: it has called lent_back, or will call it. */
  if (status != napi_generic_failure) lent_back(env, bytes, lending);
  return throw_error(env, "Node could not make a buffer of mapped memory");
}

static bool add(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value made;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &made) == napi_ok &&
         napi_set_named_property(env, exports, name, made) == napi_ok;
}

static void stay_loaded(void) {
  Dl_info self;
  if (dladdr((void *)(uintptr_t)stay_loaded, &self)) dlopen(self.dli_fname, RTLD_LAZY | RTLD_NODELETE);
}

NAPI_MODULE_INIT() {
  stay_loaded();
  bool is_complete = add(env, exports, "open", addon_open) && add(env, exports, "find", addon_find) &&
                     add(env, exports, "lend", addon_lend);
  return is_complete ? exports : NULL;
}
