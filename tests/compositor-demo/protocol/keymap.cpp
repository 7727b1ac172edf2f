#include "compositor-demo/protocol/keymap.hpp"

#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace demo {
namespace {

// Sets a variable for the length of a test.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const char* value) : name_{name} {
    if (const char* old = std::getenv(name))
      old_ = old;
    if (value) {
      setenv(name, value, 1);
    } else {
      unsetenv(name);
    }
  }
  ~ScopedEnvironment() {
    if (old_) {
      setenv(name_, old_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

// What a client does with the keymap event.
std::string mapped_text(const Keymap& keymap, int flags) {
  void* memory = mmap(nullptr, keymap.size(), PROT_READ, flags, keymap.fd(), 0);
  if (memory == MAP_FAILED) {
    ADD_FAILURE() << "mmap: errno " << errno;
    return {};
  }
  const char* text = static_cast<const char*>(memory);
  EXPECT_EQ(text[keymap.size() - 1], '\0');
  std::string copy{text};
  EXPECT_EQ(copy.size() + 1, keymap.size());
  munmap(memory, keymap.size());
  return copy;
}

// The symbol that a client's xkbcommon sees for an evdev key of the keymap's text.
xkb_keysym_t symbol_of_key(const std::string& text, std::uint32_t key) {
  const std::unique_ptr<xkb_context, decltype(&xkb_context_unref)> context{
      xkb_context_new(XKB_CONTEXT_NO_FLAGS), xkb_context_unref};
  const std::unique_ptr<xkb_keymap, decltype(&xkb_keymap_unref)> keymap{
      xkb_keymap_new_from_string(context.get(), text.c_str(), XKB_KEYMAP_FORMAT_TEXT_V1,
                                 XKB_KEYMAP_COMPILE_NO_FLAGS),
      xkb_keymap_unref};
  if (!keymap)
    return XKB_KEY_NoSymbol;
  const std::unique_ptr<xkb_state, decltype(&xkb_state_unref)> state{xkb_state_new(keymap.get()),
                                                                     xkb_state_unref};
  return xkb_state_key_get_one_sym(state.get(), key + 8);
}

class KeymapTest : public testing::Test {
 private:
  ScopedEnvironment rules_{"XKB_DEFAULT_RULES", nullptr};
  ScopedEnvironment model_{"XKB_DEFAULT_MODEL", nullptr};
  ScopedEnvironment layout_{"XKB_DEFAULT_LAYOUT", nullptr};
  ScopedEnvironment variant_{"XKB_DEFAULT_VARIANT", nullptr};
  ScopedEnvironment options_{"XKB_DEFAULT_OPTIONS", nullptr};
};

TEST_F(KeymapTest, IsReadByXkbcommonAsAClientWould) {
  const Keymap keymap;
  EXPECT_EQ(symbol_of_key(mapped_text(keymap, MAP_PRIVATE), KEY_Y), xkb_keysym_t{XKB_KEY_y});
}

TEST_F(KeymapTest, OldClientsMayMapItShared) {
  const Keymap keymap;
  EXPECT_EQ(mapped_text(keymap, MAP_SHARED), mapped_text(keymap, MAP_PRIVATE));
}

TEST_F(KeymapTest, NobodyCanChangeIt) {
  const Keymap keymap;
  const int seals = fcntl(keymap.fd(), F_GET_SEALS);
  EXPECT_EQ(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  EXPECT_LT(write(keymap.fd(), "x", 1), 0);
  EXPECT_LT(ftruncate(keymap.fd(), 0), 0);
  const std::string path = "/proc/self/fd/" + std::to_string(keymap.fd());
  const calloop::OwnedFd writable{open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (writable) {
    EXPECT_LT(write(writable.get(), "x", 1), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_LT(ftruncate(writable.get(), 0), 0);
  }
}

TEST_F(KeymapTest, IsNotInheritedByChildren) {
  const Keymap keymap;
  EXPECT_NE(fcntl(keymap.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(KeymapTest, FollowsTheEnvironment) {
  const ScopedEnvironment layout{"XKB_DEFAULT_LAYOUT", "de"};
  const Keymap keymap;
  EXPECT_EQ(symbol_of_key(mapped_text(keymap, MAP_PRIVATE), KEY_Y), xkb_keysym_t{XKB_KEY_z});
}

TEST_F(KeymapTest, AnUnknownLayoutFallsBackToUs) {
  const ScopedEnvironment rules{"XKB_DEFAULT_RULES", "no-such-rules"};
  const Keymap keymap;
  EXPECT_EQ(symbol_of_key(mapped_text(keymap, MAP_PRIVATE), KEY_Y), xkb_keysym_t{XKB_KEY_y});
}

}  // namespace
}  // namespace demo
