// Marks what libcalloop exports.
//
//     class CALLOOP_API Backend;     // all of it
//     class Poll {
//       CALLOOP_API void remove(int);  // that alone: what applications and templates call
//     };
//
// The library is compiled with hidden visibility; what has no mark cannot be linked with.
#pragma once

#define CALLOOP_API __attribute__((visibility("default")))
