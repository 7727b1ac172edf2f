// A function pointer in event.data: as little as an epoll loop with callbacks can do. Nothing keeps
// it from calling what was removed in the same batch.
#include <cstdint>

#include "tests/bench/harness/program.hpp"
#include "tests/bench/peers/epoll_loop.hpp"

namespace {

struct FunctionPointers {
  struct Node {
    void (*callback)(Node& node, std::uint32_t events);
    void* argument;
    int fd;
  };
  template <auto F, class T>
  static Node* make(int fd, T& argument) {
    return new Node{[](Node& node, std::uint32_t) { F(*static_cast<T*>(node.argument)); },
                    &argument, fd};
  }
  static void call(Node* node, std::uint32_t events) { node->callback(*node, events); }
  static void dispose(const Node* node) { delete node; }
  static void batch_ended() {}
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<bench::EpollLoop<FunctionPointers>>(argc, argv);
}
