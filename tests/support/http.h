// A web client for tests, loopback only.
#pragma once

#include <string>
#include <vector>

namespace svdir::test {

// The body of http://127.0.0.1:PORT/PATH, or "" when there is no answer with code 200 within ten seconds.
std::string fetch(int port, const std::string& path = "");
// True when something accepts connections there.
bool is_listening(int port);
// Different ports on which nothing listens, below the range the kernel gives to clients.
std::vector<int> free_ports(std::size_t count);

}  // namespace svdir::test
