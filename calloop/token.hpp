// Names for what is registered with a loop.
//
//     void register_with(Poll& poll, TokenFactory& tokens) {
//       token_ = tokens.token();
//       poll.add(fd_, interest().read(), token_);
//     }
//
// A Token names one child registration inside one source and is what the kernel keeps in
// epoll_event.data: child 16 bits, slot 24 bits, epoch 24 bits, so that the low half tells whether
// it is of the present. The epoch moves on with every registration and every end of one, so an
// event queued for an earlier registration matches nothing.
#pragma once

#include <compare>
#include <cstdint>

#include <calloop/export.hpp>

namespace calloop {

class LoopCore;

/// One child of one registration of one source. A default-constructed Token names nothing.
class Token {
 public:
  static constexpr std::uint32_t slot_limit = 1u << 24;  // exclusive
  static constexpr std::uint32_t epoch_mask = 0xffffff;
  static constexpr std::uint32_t child_limit = 0xffff;  // exclusive
  static constexpr std::uint32_t loop_slot = 0;         // the loop's own descriptors
  static constexpr std::uint32_t loop_epoch = 2;        // which are registered once

  constexpr Token() noexcept = default;
  constexpr Token(std::uint32_t slot, std::uint32_t epoch, std::uint32_t child) noexcept
      : value_{std::uint64_t{child} << 48 | std::uint64_t{slot & (slot_limit - 1)} << 24 |
               (epoch & epoch_mask)} {}
  [[nodiscard]] static constexpr Token from_raw(std::uint64_t value) noexcept {
    Token token;
    token.value_ = value;
    return token;
  }

  /// What goes into epoll_event.data.u64.
  [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return value_; }
  [[nodiscard]] constexpr std::uint32_t slot() const noexcept {
    return static_cast<std::uint32_t>(value_ >> 24) & (slot_limit - 1);
  }
  [[nodiscard]] constexpr std::uint32_t epoch() const noexcept {
    return static_cast<std::uint32_t>(value_) & epoch_mask;
  }
  /// The position at which the TokenFactory handed this token out, from 0. Selects the child of a
  /// source that has many.
  [[nodiscard]] constexpr std::uint32_t child() const noexcept {
    return static_cast<std::uint32_t>(value_ >> 48);
  }
  /// The same for all children of one registration.
  [[nodiscard]] constexpr std::uint64_t registration() const noexcept { return value_ << 16; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return value_ != nothing; }
  friend constexpr bool operator==(Token, Token) noexcept = default;

 private:
  static constexpr std::uint64_t nothing = ~std::uint64_t{0};
  std::uint64_t value_ = nothing;
};

/// One inserted source of one loop. Copyable and harmless: once the source is gone, every call that
/// takes it returns false; another loop than its own throws std::logic_error. A default-constructed
/// one names nothing.
class RegistrationToken {
 public:
  constexpr RegistrationToken() noexcept = default;
  [[nodiscard]] constexpr std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] constexpr std::uint32_t generation() const noexcept { return generation_; }
  /// Whether it ever named a source; says nothing about whether that source is still there.
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return slot_ != ~0u; }
  friend constexpr auto operator<=>(RegistrationToken, RegistrationToken) noexcept = default;

 private:
  friend class LoopCore;
  constexpr RegistrationToken(std::uint32_t slot, std::uint32_t generation,
                              std::uint32_t loop) noexcept
      : slot_{slot}, generation_{generation}, loop_{loop} {}
  std::uint32_t slot_ = ~0u;
  std::uint32_t generation_ = 0;
  std::uint32_t loop_ = 0;  // LoopCore's identity
};

/// Hands out the tokens of one registration, in the order of the calls.
class CALLOOP_API TokenFactory {
 public:
  constexpr TokenFactory(std::uint32_t slot, std::uint32_t epoch) noexcept
      : slot_{slot}, epoch_{epoch} {}
  /// A token that no other child of this source has. Throws std::length_error after 65535.
  [[nodiscard]] Token token() {
    if (next_ >= Token::child_limit)
      throw_too_many_children();
    return {slot_, epoch_, next_++};
  }

 private:
  [[noreturn]] static void throw_too_many_children();
  std::uint32_t slot_;
  std::uint32_t epoch_;
  std::uint32_t next_ = 0;
};

}  // namespace calloop
