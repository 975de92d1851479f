// The tools of runit and daemontools that svctl is when it is called by their names: their grammar, output and exit
// codes, compared with the genuine programs by the tests.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace svdir::svctl {

using Arguments = std::span<const char* const>;  // without the program's name

// sv(8). `program` is the name it was called by; anything but "sv" is an init.d script for the service of that name.
int run_sv(std::string_view program, Arguments arguments);

int run_svc(Arguments arguments);
int run_svok(Arguments arguments);
int run_svstat(Arguments arguments);
int run_tai64nlocal();

// The text those tools print for an errno: "file does not exist", "access denied"...
std::string djb_text(int number);

// daemontools' way of options: single letters, "-ab" is "-a -b", "-wVALUE" or "-w VALUE", ended by "--" or by the
// first word that is no option. `with_value` are the letters that take one.
class DjbOptions {
 public:
  DjbOptions(Arguments arguments, std::string_view letters, std::string_view with_value)
      : rest_(arguments), letters_(letters), with_value_(with_value) {}

  // The next letter; '\0' at the end; '?' for one that is not known or whose value is missing: `letter` tells it.
  char next();
  char letter = '\0';
  std::string_view value;
  // What follows the options.
  Arguments rest() const { return rest_; }

 private:
  Arguments rest_;
  std::string_view letters_;
  std::string_view with_value_;
  std::string_view word_;
};

}  // namespace svdir::svctl
