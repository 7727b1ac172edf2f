// A monitor of a virtual machine, which is plugged in, unplugged and resized as a viewer asks for.
#pragma once

#include <filesystem>

namespace vm {

// Asks QEMU, whose VNC server for that monitor listens on `socket`, for a screen of this size; 0 by
// 0 unplugs it. RFB 3.8 with the message SetDesktopSize.
void set_monitor(const std::filesystem::path& socket, int width, int height);

}  // namespace vm
