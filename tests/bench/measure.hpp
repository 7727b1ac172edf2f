// What the programs of the benchmark cost, as measure.py says.
#pragma once

#include <string>

namespace tests {

/// What one operation costs: `what` is "instructions" (user space), "system-calls" or
/// "allocations", `peer` is "raw" or "calloop", and `workload` ends in "count=A,B", for which two
/// runs are compared.
double cost(const std::string& what, const std::string& peer, const std::string& workload);

/// Heap bytes per source, from a workload that counts them.
double bytes(const std::string& peer, const std::string& workload);

}  // namespace tests
