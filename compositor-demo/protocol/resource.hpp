// How requests of clients reach C++ objects, and what happens when one cannot be served.
//
// An object that stands behind a wl_resource is an ordinary class; its requests are member
// functions. The table that libwayland wants is filled with their names:
//
//   const struct wl_region_interface requests = {
//       .destroy = destroy_resource,
//       .add = request<&RegionObject::add>,
//       .subtract = request<&RegionObject::subtract>,
//   };
//   wl_resource* resource = create_resource(client, &wl_region_interface, version, id);
//   give_object(resource, &requests, std::make_unique<RegionObject>());
//
// A member function takes the arguments of the request, and before them, if it wants to, the
// wl_resource the request was made on. When it throws, that client alone is disconnected:
// ProtocolError names a rule that the client broke, std::bad_alloc becomes no_memory, everything
// else implementation_error. Nothing ever propagates into libwayland.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <wayland-server-core.h>

namespace demo {

// The client broke a rule: the error code is one of the interface of `resource`, which must be
// alive when this is thrown.
class ProtocolError : public std::runtime_error {
 public:
  ProtocolError(wl_resource* resource, std::uint32_t code, const std::string& message)
      : std::runtime_error{message}, resource_{resource}, code_{code} {}
  wl_resource* resource() const noexcept { return resource_; }
  std::uint32_t code() const noexcept { return code_; }

 private:
  wl_resource* resource_;
  std::uint32_t code_;
};

// The object behind a resource; null when the resource is inert: its object, or what it was about,
// is gone. T must be the type that give_object was called with.
template <class T>
T* object_of(wl_resource* resource) noexcept {
  return resource == nullptr ? nullptr : static_cast<T*>(wl_resource_get_user_data(resource));
}

// A new object of a client. Throws std::bad_alloc; libwayland itself then has told the client.
inline wl_resource* create_resource(wl_client* client, const wl_interface* interface, int version,
                                    std::uint32_t id) {
  wl_resource* resource = wl_resource_create(client, interface, version, id);
  if (resource == nullptr)
    throw std::bad_alloc{};
  return resource;
}

// libwayland's destroy hook for resources that own a T.
template <class T>
void delete_object(wl_resource* resource) noexcept {
  std::unique_ptr<T>{object_of<T>(resource)}.reset();
}

// From here on the resource owns the object: it is deleted when the client destroys the resource,
// or dies. `requests` is the interface's table (null if it has no requests) and must be static.
template <class T>
T& give_object(wl_resource* resource, const void* requests, std::unique_ptr<T> object) noexcept {
  T* const borrowed = object.release();
  wl_resource_set_implementation(resource, requests, borrowed, &delete_object<T>);
  return *borrowed;
}

// Answers the exception that is being handled; see the top of this file.
inline void report_current_exception(wl_client* client) noexcept {
  try {
    throw;
  } catch (const ProtocolError& error) {
    wl_resource_post_error(error.resource(), error.code(), "%s", error.what());
  } catch (const std::bad_alloc&) {
    wl_client_post_no_memory(client);
  } catch (const std::exception& error) {
    wl_client_post_implementation_error(client, "%s", error.what());
  } catch (...) {
    wl_client_post_implementation_error(client, "unknown failure");
  }
}

// Runs what C calls us for on behalf of a client; failures are the client's.
template <class F>
void serve(wl_client* client, F&& f) noexcept {
  try {
    std::forward<F>(f)();
  } catch (...) {
    report_current_exception(client);
  }
}

namespace detail {

template <class Method>
struct MethodTraits;
template <class T, class R, class... P>
struct MethodTraits<R (T::*)(P...)> {
  using Object = T;
  static constexpr std::size_t parameters = sizeof...(P);
};
template <class T, class R, class... P>
struct MethodTraits<R (T::*)(P...) noexcept> : MethodTraits<R (T::*)(P...)> {};
template <class T, class R, class... P>
struct MethodTraits<R (T::*)(P...) const> : MethodTraits<R (T::*)(P...)> {};
template <class T, class R, class... P>
struct MethodTraits<R (T::*)(P...) const noexcept> : MethodTraits<R (T::*)(P...)> {};

template <class... Args>
using RequestFunction = void (*)(wl_client*, wl_resource*, Args...);

// Converts to whatever pointer the request table has in that place: the table knows the arguments.
template <auto Method>
struct Request {
  template <class... Args>
  constexpr operator RequestFunction<Args...>() const noexcept {  // NOLINT: meant to be implicit
    return &call<Args...>;
  }

 private:
  using Traits = MethodTraits<decltype(Method)>;

  template <class... Args>
  static void call(wl_client* client, wl_resource* resource, Args... args) noexcept {
    static_assert(
        Traits::parameters == sizeof...(Args) || Traits::parameters == sizeof...(Args) + 1,
        "a request's method takes its arguments, or its wl_resource* and its arguments");
    auto* const object = object_of<typename Traits::Object>(resource);
    if (object == nullptr)
      return;
    serve(client, [&] {
      if constexpr (Traits::parameters == sizeof...(Args)) {
        (object->*Method)(args...);
      } else {
        (object->*Method)(resource, args...);
      }
    });
  }
};

template <auto Method>
void bind(wl_client* client, void* data, std::uint32_t version, std::uint32_t id) noexcept {
  auto& object = *static_cast<typename MethodTraits<decltype(Method)>::Object*>(data);
  serve(client, [&] { (object.*Method)(client, static_cast<int>(version), id); });
}

struct DestroyGlobal {
  void operator()(wl_global* global) const noexcept { wl_global_destroy(global); }
};

}  // namespace detail

// The entry of a request table that calls Method on the object behind the resource.
template <auto Method>
inline constexpr detail::Request<Method> request{};

// The entry of a request table for requests that only destroy their object.
inline void destroy_resource(wl_client* /*client*/, wl_resource* resource) noexcept {
  wl_resource_destroy(resource);
}

// Something that every client sees in its registry, as long as this lives. Must go before the
// wl_display.
using Global = std::unique_ptr<wl_global, detail::DestroyGlobal>;

// Advertises `interface`. Who binds it gets to object.Method(wl_client*, int version, uint32_t id),
// which creates the resource. Throws std::runtime_error.
//
//   global_{make_global<&Shm::bind>(display, &wl_shm_interface, 1, *this)}
template <auto Method>
Global make_global(wl_display* display, const wl_interface* interface, int version,
                   typename detail::MethodTraits<decltype(Method)>::Object& object) {
  Global global{wl_global_create(display, interface, version, &object, &detail::bind<Method>)};
  if (!global)
    throw std::runtime_error{std::string{"cannot advertise "} + interface->name};
  return global;
}

}  // namespace demo
