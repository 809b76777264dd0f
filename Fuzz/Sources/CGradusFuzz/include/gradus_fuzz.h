#ifndef GRADUS_FUZZ_H
#define GRADUS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's entry, from the toolchain's runtime without `main`. Does not return.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

/// From now on private read-only mappings of files become copies that end where the file ends, so that the address sanitizer
/// sees a read behind the end also within the last page.
void grd_fuzz_copy_mappings(void);

#endif
