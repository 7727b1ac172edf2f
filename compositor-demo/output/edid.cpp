#include "compositor-demo/output/edid.hpp"

namespace demo {
namespace {

constexpr std::size_t block = 128;
constexpr std::size_t make_at = 8;
constexpr std::size_t first_descriptor = 54;
constexpr std::size_t descriptor = 18;
constexpr std::size_t text_in_descriptor = 5;
constexpr unsigned product_name = 0xfc;

unsigned at(std::span<const std::byte> edid, std::size_t index) noexcept {
  return std::to_integer<unsigned>(edid[index]);
}

}  // namespace

MonitorName monitor_name(std::span<const std::byte> edid) {
  MonitorName name;
  if (edid.size() < block)
    return name;
  // Five bits a letter, A is 1.
  const unsigned packed = at(edid, make_at) << 8 | at(edid, make_at + 1);
  for (const unsigned shift : {10U, 5U, 0U}) {
    const unsigned letter = packed >> shift & 31;
    if (letter >= 1 && letter <= 26)
      name.make += static_cast<char>('A' + letter - 1);
  }
  if (name.make.size() != 3)
    name.make.clear();
  for (std::size_t begin = first_descriptor; begin + descriptor <= block; begin += descriptor) {
    if (at(edid, begin) != 0 || at(edid, begin + 1) != 0 || at(edid, begin + 3) != product_name)
      continue;
    for (std::size_t i = begin + text_in_descriptor; i < begin + descriptor; ++i) {
      const unsigned character = at(edid, i);
      if (character == '\n')
        break;
      if (character >= ' ' && character < 0x7f)
        name.model += static_cast<char>(character);
    }
    name.model.erase(name.model.find_last_not_of(' ') + 1);
    break;
  }
  return name;
}

}  // namespace demo
