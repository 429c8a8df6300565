"""What one sample of a process tree costs psutil.

usage: sample_cost.py PID ROUNDS PAUSE_MS

Prints the CPU time of each sample, in nanoseconds, as a JSON array.
"""

import json
import sys
import time

import psutil

import sample_tree


def main():
    root, rounds, pause = psutil.Process(int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]) / 1e3
    costs = []
    for _ in range(rounds):
        time.sleep(pause)
        before = time.thread_time_ns()
        sample_tree.sample(root, {})
        costs.append(time.thread_time_ns() - before)
    json.dump(costs, sys.stdout)


if __name__ == "__main__":
    main()
