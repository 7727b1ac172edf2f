// Sets a variable of the environment, and gives it back what it had.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace tests {

/// While it lives the variable has the value; null for no such variable.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_{name} {
    if (const char* old = std::getenv(name))
      old_ = old;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { set(old_ ? old_->c_str() : nullptr); }

 private:
  void set(const char* value) {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, 1);
    }
  }
  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace tests
