// Preloaded, in front of umockdev's own library, into programs that use input devices of
// umockdev's. What umockdev leaves out, and libinput and libudev look at:
//
// - fstat() of an open device says its numbers: libinput compares them with what it has asked for,
//   and umockdev makes devices of pseudoterminals;
// - udev's database, /run/udev, is that of the testbed: a device which is not in it has not been
//   initialized, and is not used;
// - messages about devices can get lost, as they do when nobody reads them: a file `overflow` in
//   the testbed empties the queue, and lets its reader know;
// - messages say by a hash which tags a device has, for filters in the kernel. Those of umockdev do
//   not, so there are no such filters: libudev filters again.
//
// Without UMOCKDEV_DIR, which a testbed sets, nothing is changed.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace {

const char* testbed() noexcept {
  return std::getenv("UMOCKDEV_DIR");
}

template <class Function>
Function* next(const char* name) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Where a path of udev's database is in the testbed; what is not of it stays as it is.
std::string redirected(const char* path) {
  const bool is_database = std::string_view{path}.starts_with("/run/udev/");
  return is_database && testbed() != nullptr ? std::string{testbed()} + path : path;
}

// Past umockdev, which has functions of these names too.
int real_stat(int directory, const char* path, struct stat* result, int flags) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, directory, path, result, flags));
}

// The numbers of the testbed's input device that is the file `opened`.
std::optional<dev_t> device_of(const struct stat& opened) {
  if (testbed() == nullptr || !(S_ISCHR(opened.st_mode) || S_ISSOCK(opened.st_mode)))
    return std::nullopt;
  const std::string devices = std::string{testbed()} + "/dev/input/";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(devices.c_str()), &::closedir};
  while (directory != nullptr) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr)
      break;
    struct stat node{};
    const std::string name = entry->d_name;
    if (real_stat(AT_FDCWD, (devices + name).c_str(), &node, 0) != 0 ||
        node.st_dev != opened.st_dev || node.st_ino != opened.st_ino)
      continue;
    // A link "13:64" beside the node.
    const std::string link = std::string{testbed()} + "/dev/.node/input_" + name;
    char numbers[32]{};
    unsigned major_number = 0;
    unsigned minor_number = 0;
    if (::syscall(SYS_readlink, link.c_str(), numbers, sizeof numbers - 1) > 0 &&
        std::sscanf(numbers, "%u:%u", &major_number, &minor_number) == 2)
      return makedev(major_number, minor_number);
  }
  return std::nullopt;
}

}  // namespace

// The names of libc's parameters are libc's.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {

int fstat64(int fd, struct stat64* result) noexcept {
  auto& plain = *reinterpret_cast<struct stat*>(result);  // the same where a file has 64 bits
  const int status = real_stat(fd, "", &plain, AT_EMPTY_PATH);
  if (status != 0)
    return status;
  if (const auto device = device_of(plain)) {
    plain.st_rdev = *device;
    plain.st_mode = (plain.st_mode & ~static_cast<mode_t>(S_IFMT)) | S_IFCHR;
  }
  return 0;
}

FILE* fopen64(const char* path, const char* mode) {
  return next<FILE*(const char*, const char*)>("fopen64")(redirected(path).c_str(), mode);
}

DIR* opendir(const char* path) {
  return next<DIR*(const char*)>("opendir")(redirected(path).c_str());
}

int access(const char* path, int mode) noexcept {
  return next<int(const char*, int)>("access")(redirected(path).c_str(), mode);
}

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  const auto receive = next<ssize_t(int, void*, size_t, int)>("recv");
  if (testbed() == nullptr || ::unlink((std::string{testbed()} + "/overflow").c_str()) != 0)
    return receive(fd, buffer, size, flags);
  char lost[1];
  while (receive(fd, lost, sizeof lost, MSG_DONTWAIT) > 0) {
  }
  errno = ENOBUFS;
  return -1;
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  if (testbed() != nullptr && level == SOL_SOCKET && option == SO_ATTACH_FILTER)
    return 0;
  return next<int(int, int, int, const void*, socklen_t)>("setsockopt")(fd, level, option, value,
                                                                        size);
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
