#include "svlogd/lines.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "svlogd/json.h"

namespace svdir::svlogd {
namespace {

constexpr std::string_view kCut = "...";

const char* find_newline(std::string_view text) {
  return static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
}

// Everything passes: no line need be looked at until the file is nearly full.
Formatted pass(std::string_view input, const Room& room) {
  const auto passed = [&](std::size_t length, Stop stop) {
    const std::string_view bytes = input.substr(0, length);
    return Formatted{length, bytes, {!bytes.empty() && bytes.back() != '\n', true}, stop};
  };
  if (!room.is_limited() || room.size + input.size() < room.full_at()) return passed(input.size(), Stop::input);
  const std::size_t left = room.left(0);
  // The first line end that makes the file full.
  const std::size_t from = room.full_at() > room.size + 1 ? room.full_at() - room.size - 1 : 0;
  const std::size_t found = input.find('\n', from);
  if (found < left) return passed(found + 1, Stop::full);
  if (input.size() <= left) return passed(input.size(), input.size() == left ? Stop::full : Stop::input);
  // A line crosses the end of the file. If it is known to fit into a file of its own, it goes there whole.
  const std::size_t before = left == 0 ? std::string_view::npos : input.rfind('\n', left - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::size_t line = found == std::string_view::npos ? room.limit + 1 : found + 1 - begin;
  if (room.must_make_room_for(begin, line)) return passed(begin, Stop::full);
  return passed(left, Stop::full);
}

class Formatter {
 public:
  Formatter(std::string_view input, bool flush, LineState state, const LineRules& rules, const Room& room,
            std::string_view stamp, char* buffer, std::size_t size)
      : input_(input),
        flush_(flush),
        state_(state),
        rules_(rules),
        room_(room),
        stamp_(rules.stamped ? stamp : std::string_view{}),
        buffer_(buffer),
        size_(size) {}

  Formatted run() {
    while (at_ < input_.size()) {
      const std::string_view rest = input_.substr(at_);
      const char* const newline = find_newline(rest);
      const std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - rest.data()) + 1 : rest.size();
      if (!state_.mid_line) {
        if (newline == nullptr && !flush_ && rules_.needs_head() && rest.size() < rules_.head + 1)
          return stop(Stop::input);
        if (const auto why = begin_line(rest.substr(0, length), newline != nullptr)) return stop(*why);
        if (rules_.head_only) continue;
      }
      if (const auto why = continue_line(rest.substr(0, length), newline != nullptr)) return stop(*why);
    }
    return stop(Stop::input);
  }

 private:
  Formatted stop(Stop why) const { return {at_, {buffer_, made_}, state_, why}; }

  void put(std::string_view bytes) {
    if (bytes.empty()) return;  // memcpy(3) wants a pointer even for nothing
    std::memcpy(buffer_ + made_, bytes.data(), bytes.size());
    made_ += bytes.size();
  }

  // Bytes of a line without its newline.
  void put_clean(std::string_view bytes) {
    if (rules_.replace == nullptr) {
      if (rules_.json)
        made_ += escape_json(bytes, buffer_ + made_);
      else
        put(bytes);
      return;
    }
    for (const char c : bytes) {
      const char clean = (*rules_.replace)[static_cast<unsigned char>(c)];
      if (rules_.json)
        made_ += escape_json({&clean, 1}, buffer_ + made_);
      else
        buffer_[made_++] = clean;
    }
  }

  bool selects(std::string_view head) {
    if (!rules_.filters()) return true;
    if (rules_.replace == nullptr) return rules_.lines->selects(head);
    // Patterns see the bytes as they will be written. The buffer's free end serves for that.
    char* const clean = buffer_ + made_;
    for (std::size_t i = 0; i < head.size(); ++i) clean[i] = (*rules_.replace)[static_cast<unsigned char>(head[i])];
    return rules_.lines->selects({clean, head.size()});
  }

  // Decides on a line, and puts what stands in front of it. Says why the work ends here, if it does.
  std::optional<Stop> begin_line(std::string_view line, bool is_whole) {
    std::string_view head = line;
    if (is_whole) head.remove_suffix(1);
    const bool is_long = head.size() > rules_.head;
    head = head.substr(0, rules_.head);
    const std::size_t front = stamp_.size() + rules_.prefix.size();
    const std::size_t shown = rules_.head_only ? widest(head.size()) : head.size();
    if (size_ - made_ < stamp_.size() + widest(rules_.prefix.size()) + shown + kCut.size() + kJsonEnd.size())
      return Stop::output;
    const bool selected = selects(head);
    if (selected) {
      if (is_whole ? room_.must_make_room_for(made_, front + made_size(line))
                   : room_.is_limited() && room_.left(made_) <= front && room_.size + made_ > 0)
        return Stop::full;
      put(stamp_);
      if (rules_.json)
        put_clean(rules_.prefix);
      else
        put(rules_.prefix);
    }
    state_ = {true, selected};
    if (!rules_.head_only) return {};
    // All that goes out goes out now; what follows of the line in later input is skipped.
    if (selected) {
      put_clean(head);
      if (is_long) put(kCut);
      put(rules_.line_end());
    }
    state_ = {!is_whole, false};
    at_ += line.size();
    if (selected && rules_.one_line) return Stop::output;
    return {};
  }

  // Bytes that so many bytes of a line become, at most.
  std::size_t widest(std::size_t size) const { return rules_.json ? size * kLongestEscape : size; }
  // Bytes that a whole line becomes.
  std::size_t made_size(std::string_view line) const {
    return rules_.json && room_.is_limited() ? escaped_size(line.substr(0, line.size() - 1)) + kJsonEnd.size()
                                             : line.size();
  }

  // How much of the rest of a selected line goes out now.
  std::size_t fitting(std::string_view line, bool is_whole) const {
    const std::size_t space = size_ - made_ - kJsonEnd.size();
    if (rules_.json) {
      // A JSON text is never cut by a rotation, only between calls, and then not within a character.
      const bool ends = is_whole || flush_;
      const std::size_t length = std::min(line.size(), space / kLongestEscape);
      return ends && length == line.size() ? length : whole_characters(line.substr(0, length));
    }
    const std::size_t length = std::min(line.size(), space);
    return room_.is_limited() ? static_cast<std::size_t>(std::min<std::uint64_t>(length, room_.left(made_))) : length;
  }

  // The rest of a line, or as much of it as there is and as has room.
  std::optional<Stop> continue_line(std::string_view line, bool is_whole) {
    std::size_t length = line.size();
    bool ended = is_whole;
    const bool selected = state_.selected;
    if (selected) {
      length = fitting(line, is_whole);
      // With JSON the last line of all is ended as well, so that what is written is a text.
      ended = length == line.size() && (is_whole || (rules_.json && flush_));
      put_clean(line.substr(0, is_whole && ended ? length - 1 : length));
      if (ended) put(rules_.line_end());
    }
    at_ += length;
    if (ended) state_ = {};
    if (!selected) return {};
    if (room_.is_limited() &&
        ((room_.left(made_) == 0 && (ended || !rules_.json)) || (ended && room_.is_full_after_line(made_))))
      return Stop::full;
    if (length == line.size()) return {};
    return at_ + 4 > input_.size() && !is_whole && !flush_ ? Stop::input : Stop::output;
  }

  const std::string_view input_;
  const bool flush_;
  LineState state_;
  const LineRules& rules_;
  const Room& room_;
  const std::string_view stamp_;
  char* const buffer_;
  const std::size_t size_;
  std::size_t at_ = 0;    // bytes of the input consumed
  std::size_t made_ = 0;  // bytes in the buffer
};

}  // namespace

ReplaceTable replace_table(char replacement, std::string_view replaced) {
  ReplaceTable table;
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = i < 32 || i > 126 || replaced.find(static_cast<char>(i)) != std::string_view::npos
                   ? replacement
                   : static_cast<char>(i);
  table['\n'] = '\n';
  return table;
}

Formatted format_lines(std::string_view input, bool flush, LineState state, const LineRules& rules, const Room& room,
                       std::string_view stamp, char* buffer, std::size_t buffer_size) {
  if (input.empty()) return {0, {}, state, Stop::input};
  if (rules.passes_everything() && (!state.mid_line || state.selected)) return pass(input, room);
  return Formatter(input, flush, state, rules, room, stamp, buffer, buffer_size).run();
}

}  // namespace svdir::svlogd
