#include "compositor-demo/protocol/shm.hpp"

#include <string>
#include <system_error>
#include <utility>

#include <wayland-server-protocol.h>

#include <calloop/fd.hpp>

#include "compositor-demo/protocol/shm_buffer.hpp"

namespace demo {

namespace {

const struct wl_shm_interface wl_shm_requests = {.create_pool = request<&ShmBinding::create_pool>};

const struct wl_shm_pool_interface wl_shm_pool_requests = {
    .create_buffer = request<&ShmPoolObject::create_buffer>,
    .destroy = destroy_resource,
    .resize = request<&ShmPoolObject::resize>,
};

}  // namespace

Shm::Shm(wl_display* display)
    : global_{make_global<&Shm::bind>(display, &wl_shm_interface, 1, *this)} {}

void Shm::bind(wl_client* client, int version, std::uint32_t id) {
  auto binding = std::make_unique<ShmBinding>(client);
  wl_resource* const resource = create_resource(client, &wl_shm_interface, version, id);
  give_object(resource, &wl_shm_requests, std::move(binding));
  wl_shm_send_format(resource, WL_SHM_FORMAT_ARGB8888);
  wl_shm_send_format(resource, WL_SHM_FORMAT_XRGB8888);
}

void ShmBinding::create_pool(wl_resource* resource, std::uint32_t id, std::int32_t fd,
                             std::int32_t size) {
  calloop::OwnedFd file{fd};
  if (size <= 0)
    throw ProtocolError{resource, WL_SHM_ERROR_INVALID_STRIDE,
                        "a pool of " + std::to_string(size) + " bytes"};
  wl_client* const client = wl_resource_get_client(resource);
  std::shared_ptr<ShmPool> pool;
  try {
    pool = std::make_shared<ShmPool>(std::move(file), static_cast<std::size_t>(size), client);
  } catch (const std::system_error& error) {
    throw ProtocolError{resource, WL_SHM_ERROR_INVALID_FD,
                        std::string{"the pool cannot be mapped: "} + error.what()};
  }
  auto object = std::make_unique<ShmPoolObject>(std::move(pool));
  give_object(
      create_resource(client, &wl_shm_pool_interface, wl_resource_get_version(resource), id),
      &wl_shm_pool_requests, std::move(object));
}

void ShmPoolObject::create_buffer(wl_resource* resource, std::uint32_t id, std::int32_t offset,
                                  std::int32_t width, std::int32_t height, std::int32_t stride,
                                  std::uint32_t format) {
  if (format != WL_SHM_FORMAT_ARGB8888 && format != WL_SHM_FORMAT_XRGB8888)
    throw ProtocolError{resource, WL_SHM_ERROR_INVALID_FORMAT,
                        "format " + std::to_string(format) + " is not supported"};
  const ShmLayout layout{offset, width, height, stride, format == WL_SHM_FORMAT_XRGB8888};
  if (const char* problem = layout.problem(pool_->size()))
    throw ProtocolError{resource, WL_SHM_ERROR_INVALID_STRIDE,
                        "buffer of " + std::to_string(width) + "x" + std::to_string(height) +
                            ", stride " + std::to_string(stride) + ": " + problem};
  wl_client* const client = wl_resource_get_client(resource);
  Charge charge{client, Limit::Buffers};
  wl_resource* const buffer = create_resource(client, &wl_buffer_interface, 1, id);
  Buffer::give(buffer, std::make_shared<ShmBuffer>(buffer, pool_, layout, std::move(charge)));
}

void ShmPoolObject::resize(wl_resource* resource, std::int32_t size) {
  if (size < 0 || static_cast<std::size_t>(size) < pool_->size())
    throw ProtocolError{resource, WL_SHM_ERROR_INVALID_FD, "pools only grow"};
  try {
    pool_->grow(static_cast<std::size_t>(size));
  } catch (const std::system_error& error) {
    throw ProtocolError{resource, WL_SHM_ERROR_INVALID_FD,
                        std::string{"the pool cannot grow: "} + error.what()};
  }
}

}  // namespace demo
