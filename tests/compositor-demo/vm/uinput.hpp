// Input devices made by a program, which the kernel and everybody above it take for real ones.
#pragma once

#include <string>

namespace vm {

// Makes a device of that kind, which does what is written into the FIFO; whoever can write into it
// knows that the device is there. It is unplugged when the process ends. Throws std::system_error
// if there can be no such device, std::invalid_argument for a kind or an order that is none of
// these:
//
//     keyboard       press CODE, release CODE
//     mouse          press CODE, release CODE, move DX DY, vanish: in the middle of all that
//     touchscreen    down X Y, move X Y, up; of 1000 by 1000
//     touchpad       tap, scroll DX DY: millimetres, with two fingers
void run_device(const std::string& kind, const std::string& name, const std::string& fifo);

}  // namespace vm
