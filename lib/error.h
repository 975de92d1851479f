// Errors as values: what was being done, to what, and why it failed.
//
// Success costs nothing; failure builds one line of text. Only `main` turns an Error into output and an exit
// code. Exit codes follow daemontools: 100 when the user must change something, 111 when the system failed.
#pragma once

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>

namespace svdir {

inline constexpr int kExitUser = 100;
inline constexpr int kExitSystem = 111;

enum class Fault { system, user };

struct Error {
  std::string what;  // "unable to open http-8000/run"
  int number = 0;    // errno, or 0 where `what` says it all
  Fault fault = Fault::system;

  int exit_code() const { return fault == Fault::user ? kExitUser : kExitSystem; }

  // One line without a newline: "unable to open http-8000/run: No such file or directory".
  std::string text() const { return number == 0 ? what : what + ": " + ::strerror(number); }
};

// The system lacks something just now that it may have again in a moment: nothing can be concluded from the failure.
constexpr bool is_shortage(int number) {
  return number == EMFILE || number == ENFILE || number == ENOMEM;
}

template <class T>
using Result = std::expected<T, Error>;

// The error of the system call that has just failed; reads errno.
inline std::unexpected<Error> system_error(std::string_view doing, std::string_view subject = {}) {
  const int number = errno;
  std::string what(doing);
  if (!subject.empty()) what.append(" ").append(subject);
  return std::unexpected(Error{std::move(what), number, Fault::system});
}

inline std::unexpected<Error> user_error(std::string what) {
  return std::unexpected(Error{std::move(what), 0, Fault::user});
}

}  // namespace svdir
