// Whether anybody lives in a process group.
#pragma once

#include <sys/types.h>

namespace demo {

// False when the group does not exist, and also when only zombies are in it: kill(2) takes those
// for members, and nobody may ever reap them (containers whose first process does not). Looks into
// /proc; without it, zombies count. Not atomic: a member may start another while this looks.
bool has_living_member(pid_t group) noexcept;

}  // namespace demo
