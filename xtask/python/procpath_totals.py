"""What a recording of procpath says a process tree has cost.

usage: procpath_totals.py DATABASE

Prints {"cpu_seconds": ..., "rss_max_mb": ...}: the sum of what each process had burned when it was last recorded, and
the largest sum of resident sets.
"""

import json
import os
import sqlite3
import sys

CPU = "SELECT TOTAL(ticks) FROM (SELECT MAX(stat_utime + stat_stime) ticks FROM record GROUP BY stat_pid, stat_starttime)"
PEAK = "SELECT MAX(pages) FROM (SELECT SUM(stat_rss) pages FROM record GROUP BY ts)"


def main():
    database = sqlite3.connect(sys.argv[1])
    ticks, pages = database.execute(CPU).fetchone()[0], database.execute(PEAK).fetchone()[0]
    totals = {
        "cpu_seconds": ticks / os.sysconf("SC_CLK_TCK"),
        "rss_max_mb": (pages or 0) * os.sysconf("SC_PAGE_SIZE") / 2**20,
    }
    json.dump(totals, sys.stdout)


if __name__ == "__main__":
    main()
