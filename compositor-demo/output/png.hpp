// Screenshots.
#pragma once

#include <pixman.h>

#include <string>

namespace demo {

// Writes the image without its alpha. A file of that name is replaced in one step, when the new one
// is complete: who looks meanwhile sees the old one. (A name that is no regular file, a pipe or
// /dev/stdout, is written to: ENXIO if nobody reads the pipe, ETIMEDOUT if its reader takes longer
// than half a second.) Throws std::system_error or std::runtime_error that name the file.
void write_png(const std::string& file, pixman_image_t* image);

}  // namespace demo
