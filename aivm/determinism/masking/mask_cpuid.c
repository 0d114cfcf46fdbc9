// Hides features of an x86-64 processor from a program that runs at full speed:
//
//   AIVM_MASK=avx2|avx|sse LD_PRELOAD=./mask_cpuid.so PROGRAM
//
// `avx2` hides AVX-512, AMX and VNNI, `avx` also AVX2, FMA, F16C and BMI, `sse` also AVX. Where the kernel can make CPUID
// fault (cpuid_fault in /proc/cpuinfo), every CPUID after this object's start is answered here. Where it cannot, those
// of libraries that patch.py has patched are: `cpuid` (0f a2) became `int $0x4f` (cd 4f), which faults everywhere.
// What the dynamic linker has chosen before for libc stays as it is.
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { set_cpuid = 0x1012 };  // ARCH_SET_CPUID of arch_prctl
enum { keep_avx2 = 1, keep_avx = 2, keep_sse = 3 };

static int level;
static int faulting;

struct registers {
  unsigned a, b, c, d;
};

#define BIT(n) (1u << (n))

static struct registers masked(unsigned leaf, unsigned subleaf) {
  struct registers r;
  __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
  if (leaf == 7 && subleaf == 0) {
    // AVX-512: F DQ IFMA PF ER CD BW VL; VBMI VBMI2 VNNI BITALG VPOPCNTDQ; 4VNNIW 4FMAPS VP2INTERSECT FP16; AMX.
    r.b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
    r.c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
    r.d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    if (level >= keep_avx) {
      r.b &= ~(BIT(3) | BIT(5) | BIT(8));   // BMI1 AVX2 BMI2
      r.c &= ~(BIT(9) | BIT(10));           // VAES VPCLMULQDQ
    }
  } else if (leaf == 7 && subleaf == 1) {
    r.a &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23));  // AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA
    r.d &= ~(BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19));  // AVX-VNNI-INT8, AVX-NE-CONVERT, AMX-COMPLEX, AVX-VNNI-INT16, AVX10
  } else if (leaf == 1) {
    if (level >= keep_avx) r.c &= ~(BIT(12) | BIT(29));  // FMA F16C
    if (level >= keep_sse) r.c &= ~BIT(28);              // AVX
  } else if (leaf == 0x80000001u && level >= keep_avx) {
    r.c &= ~(BIT(11) | BIT(16));  // XOP FMA4
  }
  return r;
}

static void answer(int signal, siginfo_t* info, void* context) {
  (void)info;
  greg_t* const registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  const unsigned char* const code = (const unsigned char*)registers[REG_RIP];
  const int is_cpuid = code[0] == 0x0f && code[1] == 0xa2, is_patched = code[0] == 0xcd && code[1] == 0x4f;
  if (!is_cpuid && !is_patched) {  // somebody else's fault: let it happen
    struct sigaction usual;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    sigaction(signal, &usual, NULL);
    return;
  }
  if (faulting) syscall(SYS_arch_prctl, set_cpuid, 1);
  const struct registers r = masked((unsigned)registers[REG_RAX], (unsigned)registers[REG_RCX]);
  if (faulting) syscall(SYS_arch_prctl, set_cpuid, 0);
  registers[REG_RAX] = r.a;
  registers[REG_RBX] = r.b;
  registers[REG_RCX] = r.c;
  registers[REG_RDX] = r.d;
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
  const char* const wanted = getenv("AIVM_MASK");
  if (wanted == NULL) return;
  level = strcmp(wanted, "avx2") == 0 ? keep_avx2 : strcmp(wanted, "avx") == 0 ? keep_avx : strcmp(wanted, "sse") == 0 ? keep_sse : 0;
  if (level == 0) {
    fprintf(stderr, "AIVM_MASK is avx2, avx or sse, not %s\n", wanted);
    exit(2);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSEGV, &action, NULL) != 0) {
    fprintf(stderr, "no handler for faults: %s\n", strerror(errno));
    exit(2);
  }
  faulting = syscall(SYS_arch_prctl, set_cpuid, 0) == 0;
}
