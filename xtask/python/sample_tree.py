"""Runs a command and samples its process tree with psutil once every INTERVAL seconds, as sampling tools do.

usage: sample_tree.py INTERVAL OUT COMMAND [ARGUMENT]...

Writes {"cpu_seconds": ..., "rss_max_mb": ..., "own_seconds": ...} to OUT: the sum of what each process had burned when
it was last seen, the largest sum of resident sets, and what this has burned itself since the command was started.
"""

import json
import subprocess
import sys
import time

import psutil


def sample(root, seen):
    """Notes the CPU time of every process of the tree. -> resident bytes of all of them."""
    resident = 0
    try:
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            with process.oneshot():
                times = process.cpu_times()
                resident += process.memory_info().rss
                seen[process.pid, process.create_time()] = times.user + times.system
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            pass
    return resident


def main():
    interval, out, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    seen, peak = {}, 0
    child = subprocess.Popen(command)
    began = time.process_time()
    root = psutil.Process(child.pid)
    while True:
        peak = max(peak, sample(root, seen))
        try:
            child.wait(timeout=interval)
            break
        except subprocess.TimeoutExpired:
            pass
    with open(out, "w", encoding="utf-8") as file:
        own = time.process_time() - began
        json.dump({"cpu_seconds": sum(seen.values()), "rss_max_mb": peak / 2**20, "own_seconds": own}, file)


if __name__ == "__main__":
    main()
