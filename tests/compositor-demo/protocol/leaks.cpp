// Leaks that are not ours.

extern "C" {

// Read by LeakSanitizer when the program ends. libwayland-client frees the objects of a connection
// only if each of them is destroyed, which a client that was disconnected for a mistake has no
// reason to do.
// NOLINTBEGIN(bugprone-reserved-identifier)
const char* __lsan_default_suppressions();
const char* __lsan_default_suppressions() {
  return "leak:libwayland-client.so\n";
}
// NOLINTEND(bugprone-reserved-identifier)

}  // extern "C"
