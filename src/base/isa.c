/* What the processor and the system offer, and which set is used of it. */
#include "base/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

atomic_int isa_chosen = 0;

#define NAME(isa, ...) #isa,
static const char *const names[ISA_COUNT] = {EACH_ISA(NAME, )};

/* ---- what is there ------------------------------------------------------ */

#if defined(LUNULA_X86_SETS)
#include <cpuid.h>

/* Has register value `have` all these bits? */
static bool all(unsigned have, unsigned bits) { return (have & bits) == bits; }

/* The parts of a thread's registers that the system saves. */
static unsigned saved_registers(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/* Number of sets that this machine has: x86-64-v3 is AVX2, x86-64-v4 AVX-512,
** each with all that the compiler takes for granted then. */
static int ask_processor(void) {
  enum { SSE_AVX = 6, OPMASK_ZMM = 0xe0 };
  unsigned a, b, c, d, c1, b7;
  if (!__get_cpuid(1, &a, &b, &c1, &d) ||
      !all(c1, bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C) ||
      !all(saved_registers(), SSE_AVX) ||
      !__get_cpuid_count(7, 0, &a, &b7, &c, &d) ||
      !all(b7, bit_AVX2 | bit_BMI | bit_BMI2) ||
      !__get_cpuid(0x80000001, &a, &b, &c, &d) || !all(c, bit_LZCNT))
    return ISA_baseline + 1;
  if (!all(saved_registers(), SSE_AVX | OPMASK_ZMM) ||
      !all(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ |
                   bit_AVX512VL))
    return ISA_avx2 + 1;
  return ISA_avx512 + 1;
}
#else
static int ask_processor(void) { return ISA_COUNT; }
#endif

/* Asked once: in a virtual machine each question stops the processor, and costs
** as much as opening a file. */
static int count_sets(void) {
  static atomic_int known;
  int n = atomic_load_explicit(&known, memory_order_relaxed);
  if (n == 0) {
    n = ask_processor();
    atomic_store_explicit(&known, n, memory_order_relaxed);
  }
  return n;
}

const char *isa_there(int i) {
  return i >= 0 && i < count_sets() ? names[i] : NULL;
}

bool isa_has_fma(void) {
#if defined(LUNULA_X86_SETS)
  return isa_number() > ISA_baseline;
#elif defined(__aarch64__) || defined(__FP_FAST_FMAF)
  return true;
#else
  return false;
#endif
}

const char *isa_name(void) { return names[isa_number()]; }

/* ---- the choice --------------------------------------------------------- */

/* A name that is not there is an error, never another set: whoever asks for
** one wants to know what he measured or tested. */
static bool find_set(const char *wanted, int *number, Error *e) {
  char list[80] = "";
  *number = count_sets() - 1;
  if (wanted == NULL || *wanted == '\0') return true;
  for (int i = 0; i < count_sets(); i++) {
    if (strcmp(wanted, names[i]) == 0) {
      *number = i;
      return true;
    }
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, i ? ", %s" : "%s", names[i]);
  }
  return fail(e, "the environment variable LUNULA_ISA is \"%s\"; the "
                 "instruction sets of this machine are: %s", wanted, list);
}

bool isa_choose(Error *e) {
  static atomic_bool decided;
  int number;
  if (atomic_load(&decided)) return true;
  if (!find_set(getenv("LUNULA_ISA"), &number, e)) return false;
  atomic_store(&isa_chosen, number);
  atomic_store(&decided, true);
  return true;
}
