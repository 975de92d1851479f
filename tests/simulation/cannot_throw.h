// Included before everything else in the simulated objects: the calls that lead into the kernel in the box may throw
// (that is how a supervise is killed there), so glibc must not promise otherwise.
#pragma once
#include <sys/cdefs.h>
#undef __THROW
#undef __THROWNL
#undef __NTH
#define __THROW
#define __THROWNL
#define __NTH(function) function
