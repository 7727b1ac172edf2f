// Sockets of a virtual machine, and waiting for what comes from there.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include <calloop/fd.hpp>

namespace vm {

// Far beyond what anything takes in a machine that is emulated by a busy one.
inline constexpr std::chrono::seconds patience{15};

// Throws std::runtime_error if nobody listens there within that time.
calloop::OwnedFd connect_to(const std::filesystem::path& path,
                            std::chrono::milliseconds limit = patience);
void send(const calloop::OwnedFd& socket, std::string_view text);
// What has come; empty when nothing has in time. Throws std::runtime_error at its end.
std::string receive_within(const calloop::OwnedFd& socket, std::chrono::milliseconds limit);
// The same, and nothing is an error too.
std::string receive(const calloop::OwnedFd& socket, std::chrono::milliseconds limit = patience);

}  // namespace vm
