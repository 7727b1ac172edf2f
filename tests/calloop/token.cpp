#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include <calloop/token.hpp>

namespace {

using namespace calloop;

TEST(Token, KeepsItsThreeParts) {
  for (const std::uint32_t slot : {0u, 1u, 0xabcdefu, Token::slot_limit - 1}) {
    for (const std::uint32_t epoch : {0u, 1u, 0x123456u, Token::epoch_mask}) {
      for (const std::uint32_t child : {0u, 1u, Token::child_limit - 1}) {
        const Token token{slot, epoch, child};
        EXPECT_EQ(token.slot(), slot);
        EXPECT_EQ(token.epoch(), epoch);
        EXPECT_EQ(token.child(), child);
        EXPECT_EQ(Token::from_raw(token.raw()), token);
        EXPECT_TRUE(token);
      }
    }
  }
}

TEST(Token, NamesNothingByDefault) {
  EXPECT_FALSE(Token{});
  EXPECT_EQ(Token{}, Token{});
  EXPECT_NE(Token{}, Token(1, 1, 1));
}

TEST(TokenFactory, CountsTheChildren) {
  TokenFactory tokens{5, 9};
  for (std::uint32_t child = 0; child < 3; ++child)
    EXPECT_EQ(tokens.token(), Token(5, 9, child));
  for (std::uint32_t child = 3; child < Token::child_limit; ++child)
    static_cast<void>(tokens.token());
  EXPECT_THROW(static_cast<void>(tokens.token()), std::length_error);
  EXPECT_THROW(static_cast<void>(tokens.token()), std::length_error);
}

TEST(RegistrationToken, NamesNothingByDefaultAndHasAnOrder) {
  const RegistrationToken nothing;
  EXPECT_FALSE(nothing);
  EXPECT_EQ(nothing, RegistrationToken{});
  EXPECT_EQ((std::set<RegistrationToken>{nothing, nothing}).size(), 1u);
}

}  // namespace
