#include <calloop/adapters/libinput.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <system_error>

#include <libudev.h>

namespace calloop {

namespace {

[[noreturn]] void fail(int error, const std::string& call) {
  throw std::system_error{error, std::generic_category(), call};
}

std::string formatted(const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  std::string text(length < 0 ? 0 : static_cast<std::size_t>(length), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, arguments);
  return text;
}

}  // namespace

// What libinput calls. It stays at one address, which is the context's user data; a context that
// has outlived its Libinput has none, and is refused everything.
struct Libinput::Callbacks {
  explicit Callbacks(LibinputInterface of) : application{std::move(of)} {}

  static int open(const char* path, int flags, void* data) noexcept {
    if (data == nullptr)
      return -ENODEV;
    auto& self = *static_cast<Callbacks*>(data);
    const int result = self.open(path, flags | O_CLOEXEC);
    self.open_error = result < 0 ? -result : 0;
    return result;
  }
  static void close(int fd, void* data) noexcept {
    if (data == nullptr || !static_cast<Callbacks*>(data)->application.close) {
      ::close(fd);
      return;
    }
    auto& self = *static_cast<Callbacks*>(data);
    try {
      self.application.close(fd);
    } catch (...) {
      self.errors->keep_current();
    }
  }
  static void log(::libinput* context, libinput_log_priority priority, const char* format,
                  std::va_list arguments) noexcept {
    auto* const self = static_cast<Callbacks*>(libinput_get_user_data(context));
    if (self == nullptr || !self->application.log)
      return;
    try {
      self->application.log(priority, formatted(format, arguments));
    } catch (...) {
      self->errors->keep_current();
    }
  }
  static constexpr libinput_interface interface{.open_restricted = &Callbacks::open,
                                                .close_restricted = &Callbacks::close};

  LibinputInterface application;
  std::shared_ptr<FirstError> errors = std::make_shared<FirstError>();
  int open_error = 0;  // of the last device, or 0

 private:
  int open(const char* path, int flags) noexcept {
    if (!application.open) {
      const int fd = ::open(path, flags);
      return fd < 0 ? -errno : fd;
    }
    try {
      return application.open(path, flags);
    } catch (const std::system_error& error) {
      // Only these two mean an errno; and a positive one, or libinput would take it for success.
      const std::error_category& category = error.code().category();
      const bool is_errno =
          category == std::generic_category() || category == std::system_category();
      return is_errno && error.code().value() > 0 ? -error.code().value() : -EIO;
    } catch (...) {
      errors->keep_current();
      return -EIO;
    }
  }
};

Libinput::Libinput(std::unique_ptr<Callbacks> callbacks, ::libinput* context, const char* call)
    : callbacks_{std::move(callbacks)}, context_{context} {
  if (context == nullptr)
    fail(errno == 0 ? ENOMEM : errno, call);
  libinput_log_set_handler(context, &Callbacks::log);
  libinput_log_set_priority(context, callbacks_->application.log_priority);
}

Libinput Libinput::from_udev(LibinputInterface interface, const std::string& seat) {
  struct Unref {
    void operator()(udev* context) const noexcept { udev_unref(context); }
  };
  const std::unique_ptr<udev, Unref> devices{udev_new()};
  if (devices == nullptr)
    fail(errno, "udev_new");
  auto callbacks = std::make_unique<Callbacks>(std::move(interface));
  Callbacks* const data = callbacks.get();
  errno = 0;
  Libinput input{std::move(callbacks),
                 libinput_udev_create_context(&Callbacks::interface, data, devices.get()),
                 "libinput_udev_create_context"};
  errno = 0;
  const int result = libinput_udev_assign_seat(input.get(), seat.c_str());
  const int error = errno;
  data->errors->rethrow();
  if (result != 0)
    fail(error == 0 ? ENODEV : error, "libinput_udev_assign_seat " + seat);
  return input;
}

Libinput Libinput::from_paths(LibinputInterface interface) {
  auto callbacks = std::make_unique<Callbacks>(std::move(interface));
  Callbacks* const data = callbacks.get();
  errno = 0;
  return {std::move(callbacks), libinput_path_create_context(&Callbacks::interface, data),
          "libinput_path_create_context"};
}

Libinput::Libinput(Libinput&&) noexcept = default;

Libinput& Libinput::operator=(Libinput&& other) noexcept {
  if (this != &other) {
    close();
    callbacks_ = std::move(other.callbacks_);
    context_ = std::move(other.context_);
  }
  return *this;
}

Libinput::~Libinput() {
  close();
}

// The devices are closed while there is somebody to close them. A source may still hold the
// context, which has to be silent then: it has no devices, no events, and nobody to ask for more.
void Libinput::close() noexcept {
  if (context_ == nullptr)
    return;
  libinput_suspend(context_.get());
  while (libinput_event* const event = libinput_get_event(context_.get()))
    libinput_event_destroy(event);
  libinput_set_user_data(context_.get(), nullptr);
  context_.reset();
}

libinput_device* Libinput::add_device(const std::string& path) {
  callbacks_->open_error = 0;
  libinput_device* const device = libinput_path_add_device(context_.get(), path.c_str());
  callbacks_->errors->rethrow();
  if (device == nullptr)
    fail(callbacks_->open_error == 0 ? ENODEV : callbacks_->open_error,
         "libinput_path_add_device " + path);
  return device;
}

void Libinput::suspend() {
  libinput_suspend(context_.get());
  callbacks_->errors->rethrow();
}

void Libinput::resume() {
  errno = 0;
  const int result = libinput_resume(context_.get());
  const int error = errno;
  callbacks_->errors->rethrow();
  if (result != 0)
    fail(error == 0 ? ENODEV : error, "libinput_resume");
}

std::optional<LibinputEvent> Libinput::next_event() noexcept {
  libinput_event* const event = libinput_get_event(context_.get());
  if (event == nullptr)
    return std::nullopt;
  return LibinputEvent{event};
}

const std::shared_ptr<FirstError>& Libinput::errors() const noexcept {
  return callbacks_->errors;
}

void LibinputSource::dispatch() {
  const int result = libinput_dispatch(context());
  if (errors_ != nullptr)
    errors_->rethrow();
  if (result != 0)
    fail(-result, "libinput_dispatch");
}

}  // namespace calloop
