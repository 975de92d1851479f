// Names of users and groups, as far as /etc/passwd and /etc/group know them.
//
// For the static programs, which cannot load name services: who must know all users asks svrun. A user that only a
// directory service knows is not found here, and is then trusted with nothing.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace svdir {

// A number stands for itself unless an account has it as its name.
std::optional<uid_t> user_id(std::string_view name);
std::optional<gid_t> group_id(std::string_view name);

// The third field of the line of `name` in a text of lines "name:x:NUMBER:…".
std::optional<unsigned> id_in(std::string_view text, std::string_view name);

}  // namespace svdir
