#include "svscan/outputs.h"

#include <poll.h>

#include <cstring>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

constexpr char kDirectory[] = ".svdir/.output";
constexpr std::size_t kReadAtOnce = 4096;
constexpr int kReadsInATurn = 16;  // of one service, so that a talkative one leaves room for others
constexpr int kBellsInATurn = 64;

bool can_write() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1;
}

void put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;  // nobody reads our output any more: then it is lost, as a service's own would be
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Result<void> Outputs::open(int work) {
  if (sys::mkdirat(work, kDirectory, 0700) != 0 && errno != EEXIST) return system_error("unable to make", kDirectory);
  directory_.reset(sys::openat(work, kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!directory_) return system_error("unable to open", kDirectory);
  return bells_.open();
}

bool Outputs::attach(const Service& service, Slot slot) {
  if (outputs_.contains(slot)) return true;
  Output output;
  output.file = service.name;
  output.prefix = service.name + ": ";
  if (const Result<void> made = ensure_fifo(directory_.get(), output.file.c_str(), 0600); !made) {
    warn(made.error());
    return false;
  }
  output.fifo.reset(sys::openat(directory_.get(), output.file.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  if (!output.fifo || !bells_.add(output.fifo.get(), slot)) {
    warn({"unable to read the output of ", service.name, ": ", ::strerror(errno)});
    return false;
  }
  outputs_.emplace(slot, std::move(output));
  return true;
}

Fd Outputs::open_for_child(Slot slot) const {
  const auto at = outputs_.find(slot);
  if (at == outputs_.end()) return Fd();
  return Fd(sys::openat(directory_.get(), at->second.file.c_str(), O_RDWR | O_NOFOLLOW));
}

void Outputs::release(Slot slot) {
  const auto at = outputs_.find(slot);
  if (at == outputs_.end()) return;
  pass_on(at->second);
  if (!at->second.line.empty()) write_piece(at->second, at->second.line, true);
  sys::unlinkat(directory_.get(), at->second.file.c_str());
  outputs_.erase(at);
}

void Outputs::rename(const Service& service, Slot slot) {
  if (const auto at = outputs_.find(slot); at != outputs_.end()) {
    if (sys::renameat(directory_.get(), at->second.file.c_str(), directory_.get(), service.name.c_str()) == 0)
      at->second.file = service.name;
    at->second.prefix = service.name + ": ";
  }
}

void Outputs::write_piece(Output& output, std::string_view piece, bool is_end) {
  char text[kLongestPiece];
  std::size_t length = 0;
  const auto add = [&](std::string_view part) {
    const std::size_t size = std::min(part.size(), sizeof text - length);
    std::memcpy(text + length, part.data(), size);
    length += size;
  };
  if (!output.continues) add(output.prefix);
  add(piece);
  if (is_end) add("\n");
  put({text, length});
  output.continues = !is_end;
}

bool Outputs::pass_on(Output& output) {
  const std::size_t longest = kLongestPiece - output.prefix.size() - 1;
  char bytes[kReadAtOnce];
  for (int reads = 0; reads < kReadsInATurn; ++reads) {
    if (!can_write()) return false;
    const ssize_t length = sys::read(output.fifo.get(), bytes, sizeof bytes);
    if (length <= 0) return true;
    std::string_view rest(bytes, static_cast<std::size_t>(length));
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view part = rest.substr(0, end);
      output.line.append(part);
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      const bool is_end = end != std::string_view::npos;
      if (!is_end && output.line.size() < longest) break;
      std::string_view line = output.line;
      for (; line.size() > longest; line.remove_prefix(longest)) write_piece(output, line.substr(0, longest), false);
      write_piece(output, line, is_end);
      output.line.clear();
    }
  }
  return true;
}

bool Outputs::pass_on() {
  std::uint64_t tag;
  for (int bells = 0; bells < kBellsInATurn && bells_.next(tag); ++bells) {
    const auto at = outputs_.find(static_cast<Slot>(tag));
    if (at != outputs_.end() && !pass_on(at->second)) return false;
  }
  return true;
}

void Outputs::flush() {
  for (auto& [slot, output] : outputs_) {
    pass_on(output);
    if (!output.line.empty()) write_piece(output, output.line, true);
    output.line.clear();
  }
}

}  // namespace svdir::svscan
