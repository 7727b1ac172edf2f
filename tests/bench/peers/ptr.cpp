// An object in event.data, one virtual call, and a tombstone for what was removed in the batch that
// is being delivered.
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/harness/program.hpp"
#include "tests/bench/peers/epoll_loop.hpp"

namespace {

class Objects {
 public:
  struct Node {
    explicit Node(int descriptor) : fd{descriptor} {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    virtual ~Node() = default;
    virtual void ready(std::uint32_t events) = 0;
    int fd;
    bool is_dead = false;
  };
  template <auto F, class T>
  static Node* make(int fd, T& argument) {
    class Handler final : public Node {
     public:
      Handler(int descriptor, T& target) : Node{descriptor}, target_{target} {}
      void ready(std::uint32_t) override { F(target_); }

     private:
      T& target_;
    };
    return new Handler{fd, argument};
  }
  static void call(Node* node, std::uint32_t events) {
    if (!node->is_dead)
      node->ready(events);
  }
  void dispose(Node* node) {
    node->is_dead = true;
    dead_.emplace_back(node);
  }
  void batch_ended() {
    if (!dead_.empty())
      dead_.clear();
  }

 private:
  std::vector<std::unique_ptr<Node>> dead_;
};

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program<bench::EpollLoop<Objects>>(argc, argv);
}
