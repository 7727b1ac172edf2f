#include "compositor-demo/output/dumb_buffer.hpp"

#include <drm_fourcc.h>
#include <sys/mman.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

namespace demo {
namespace {

constexpr std::uint32_t bits_per_pixel = 32;

}  // namespace

DumbBuffer::DumbBuffer(int card, Size size, Use use) : card_{card}, size_{size} {
  std::uint32_t stride = 0;
  std::uint64_t bytes = 0;
  if (drmModeCreateDumbBuffer(card_, static_cast<std::uint32_t>(size.width),
                              static_cast<std::uint32_t>(size.height), bits_per_pixel, 0, &handle_,
                              &stride, &bytes) != 0)
    fail("drmModeCreateDumbBuffer");
  bytes_ = static_cast<std::size_t>(bytes);
  try {
    map(stride, use);
  } catch (...) {
    release();
    throw;
  }
}

void DumbBuffer::map(std::uint32_t stride, Use use) {
  std::uint64_t offset = 0;
  if (drmModeMapDumbBuffer(card_, handle_, &offset) != 0)
    fail("drmModeMapDumbBuffer");
  void* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, card_,
                              static_cast<off_t>(offset));
  if (memory == MAP_FAILED)
    fail("mmap");
  memory_ = memory;
  std::memset(memory_, 0, bytes_);
  image_.reset(pixman_image_create_bits_no_clear(
      use == Use::Screen ? PIXMAN_x8r8g8b8 : PIXMAN_a8r8g8b8, size_.width, size_.height,
      static_cast<std::uint32_t*>(memory_), static_cast<int>(stride)));
  if (!image_)
    throw std::bad_alloc{};
  if (use == Use::Cursor)
    return;
  const std::array<std::uint32_t, 4> handles{handle_};
  const std::array<std::uint32_t, 4> strides{stride};
  const std::array<std::uint32_t, 4> offsets{};
  if (drmModeAddFB2(card_, static_cast<std::uint32_t>(size_.width),
                    static_cast<std::uint32_t>(size_.height), DRM_FORMAT_XRGB8888, handles.data(),
                    strides.data(), offsets.data(), &framebuffer_, 0) != 0)
    fail("drmModeAddFB2");
}

void DumbBuffer::release() noexcept {
  image_.reset();
  if (framebuffer_ != 0)
    drmModeRmFB(card_, framebuffer_);
  if (memory_ != nullptr)
    ::munmap(memory_, bytes_);
  drmModeDestroyDumbBuffer(card_, handle_);
}

void DumbBuffer::fail(const char* call) const {
  throw std::system_error{errno, std::generic_category(),
                          std::string{call} + " of " + std::to_string(size_.width) + "x" +
                              std::to_string(size_.height)};
}

}  // namespace demo
