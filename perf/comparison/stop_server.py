"""Stops all other threads on a CPU for 1 to 8 ms at random times: it uses that CPU itself, at a higher
real-time priority. One stop every 20 to 50 ms. stop_server.py CPU PRIORITY; ends by SIGTERM."""

import os
import random
import sys
import time

STOP_S = 0.001, 0.008
GAP_S = 0.020, 0.050


def main(cpu, priority):
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    while True:
        time.sleep(random.uniform(*GAP_S))
        end = time.monotonic() + random.uniform(*STOP_S)
        while time.monotonic() < end:
            pass


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
