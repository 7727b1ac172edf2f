"""What does not depend on the clock: instructions, system calls, allocations, bytes."""

import concurrent.futures
import sys

from measure import COUNTERS, Failed
from rounds import entries


class Counts:
    """Per kind, row and entry, what one operation costs."""

    def __init__(self, programs, rows, peers, with_allocations):
        self.programs, self.rows, self.peers = programs, rows, peers
        self.with_allocations = with_allocations
        self.failures = []
        self.values = {kind: {row.key: {} for row in rows} for kind in (*COUNTERS, "bytes")}

    def run(self, jobs):
        tasks = [(kind, row, name, entry)
                 for row in self.rows for name, entry in entries(row, self.peers).items()
                 for kind in self._kinds(row)]
        done = 0
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for (kind, row, name, _), value in zip(tasks, pool.map(self._count, tasks)):
                self.values[kind][row.key][name] = value
                done += 1
                if sys.stderr.isatty() or done % 100 == 0 or done == len(tasks):
                    print(f"counted {done} of {len(tasks)}", file=sys.stderr,
                          end="\r" if sys.stderr.isatty() and done < len(tasks) else "\n")

    def _kinds(self, row):
        if row.value:
            return [row.value]
        kinds = ["instructions", "system-calls"] if row.counts else []
        return kinds + (["allocations"] if row.counts_allocations and self.with_allocations else [])

    def _count(self, task):
        kind, row, _, (peer, arguments) = task
        try:
            if row.value:
                return self.programs.run(peer, row.workload, arguments)[row.value]
            return self.programs.cost(kind, peer, row.workload, arguments, *row.counts)
        except Failed as failure:  # half an hour's work is not lost for one
            self.failures.append(str(failure))
            return None

    def get(self, kind, row, name):
        return self.values[kind][row.key].get(name)
