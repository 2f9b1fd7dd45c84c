#include "common/base/startup_pages.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace ronda {
namespace {

// Whether the dynamic linker writes into the read-only segments of a file: then they hold what the
// file does not.
bool HasTextRelocations(const dl_phdr_info& file) {
  for (ElfW(Half) i = 0; i < file.dlpi_phnum; ++i) {
    if (file.dlpi_phdr[i].p_type != PT_DYNAMIC) {
      continue;
    }
    const auto* entry =
        reinterpret_cast<const ElfW(Dyn)*>(file.dlpi_addr + file.dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL ||
          (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) {
        return true;
      }
    }
  }
  return false;
}

// Whole pages of segments that nobody writes to. What is relocated and then protected (RELRO) lies
// in a segment that may be written to.
size_t ReleaseFile(const dl_phdr_info& file) {
  if (file.dlpi_addr == getauxval(AT_SYSINFO_EHDR) || HasTextRelocations(file)) {
    return 0;
  }
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  size_t bytes = 0;
  for (ElfW(Half) i = 0; i < file.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = file.dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
      continue;
    }
    const uintptr_t at = file.dlpi_addr + segment.p_vaddr;
    const uintptr_t begin = (at + page - 1) / page * page;
    const uintptr_t end = (at + segment.p_memsz) / page * page;
    if (begin < end && madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0) {
      bytes += end - begin;
    }
  }
  return bytes;
}

}  // namespace

size_t ReleaseStartupPages() {
  size_t bytes = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* file, size_t /*size*/, void* sum) {
        *static_cast<size_t*>(sum) += ReleaseFile(*file);
        return 0;
      },
      &bytes);
  return bytes;
}

}  // namespace ronda
