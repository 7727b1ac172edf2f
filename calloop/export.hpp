// Marks what libcalloop exports.
//
//     class CALLOOP_API Backend;
//
// The library is compiled with hidden visibility; a name without this mark is not part of it.
#pragma once

#define CALLOOP_API __attribute__((visibility("default")))
