#include "lib/log_status.h"

#include <cstring>

#include "lib/fd.h"
#include "lib/system.h"

namespace svdir {

std::string read_log_trouble(const std::string& directory) {
  const std::string path = directory + "/" + kLogStatusFile;
  const Fd fd(sys::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  char text[kLogStatusSize] = {};
  if (!fd || ::pread(fd.get(), text, sizeof text - 1, kLogStatusOffset) <= 0) return {};
  for (char* at = text; *at != '\0'; ++at)
    if (static_cast<unsigned char>(*at) < 32) *at = '?';
  return text;
}

}  // namespace svdir
