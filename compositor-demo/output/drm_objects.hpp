// What libdrm allocates, with owners.
#pragma once

#include <xf86drm.h>
#include <xf86drmMode.h>

#include <memory>

namespace demo {

struct FreeDrmObject {
  void operator()(drmModeRes* object) const noexcept { drmModeFreeResources(object); }
  void operator()(drmModeConnector* object) const noexcept { drmModeFreeConnector(object); }
  void operator()(drmModeEncoder* object) const noexcept { drmModeFreeEncoder(object); }
  void operator()(drmModeCrtc* object) const noexcept { drmModeFreeCrtc(object); }
  void operator()(drmModePropertyRes* object) const noexcept { drmModeFreeProperty(object); }
  void operator()(drmModePropertyBlobRes* object) const noexcept {
    drmModeFreePropertyBlob(object);
  }
  void operator()(drmVersion* object) const noexcept { drmFreeVersion(object); }
};
template <class T>
using DrmObject = std::unique_ptr<T, FreeDrmObject>;

}  // namespace demo
