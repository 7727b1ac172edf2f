// Handles that are used again and again.
#pragma once

#include <deque>
#include <vector>

namespace bench {

/// For loops without a deferred call that happens once: their handles are made once and reused, so
/// that nothing is allocated for a call.
template <class Node>
class Pool {
 public:
  /// A node that nobody uses; `make(node)` prepares one that is new.
  template <class Make>
  Node& take(Make make) {
    if (free_.empty()) {
      make(nodes_.emplace_back());
      return nodes_.back();
    }
    Node& node = *free_.back();
    free_.pop_back();
    return node;
  }
  void give_back(Node& node) { free_.push_back(&node); }

 private:
  std::deque<Node> nodes_;  // which do not move
  std::vector<Node*> free_;
};

}  // namespace bench
