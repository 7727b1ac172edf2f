// Calls a function when it is destroyed: captured by a closure, it tells when the closure dies.
#pragma once

#include <utility>

namespace tests {

template <class F>
class OnDrop {
 public:
  explicit OnDrop(F function) : function_{std::move(function)} {}
  OnDrop(OnDrop&& other) noexcept
      : function_{std::move(other.function_)}, armed_{std::exchange(other.armed_, false)} {}
  OnDrop& operator=(OnDrop&&) = delete;
  ~OnDrop() {
    if (armed_) {
      function_();
    }
  }

 private:
  F function_;
  bool armed_ = true;
};

}  // namespace tests
