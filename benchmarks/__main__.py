"""`make bench`: measures the main job and prints a table. `python -m benchmarks NAME ...` measures some of it."""

from __future__ import annotations

import argparse
import sys

from benchmarks import bench_mapping, bench_polygons, bench_serving, bench_tracking, bench_training, main_job
from benchmarks.measure import print_table, record

BENCHMARKS = {
    "simulate": main_job.simulate,
    "demo": main_job.demo,
    "idle": main_job.idle,
    "patches": main_job.real_patches,
    "help": main_job.command_help,
    "mapping": bench_mapping.mapping,
    "training": bench_training.training,
    "polygons": bench_polygons.polygons,
    "tracking": bench_tracking.tracking,
    "tracking_quality": bench_tracking.quality,
    "serving": bench_serving.serving,
}


def main() -> int:
    """Measures the named benchmarks, all of them without a name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help=f"of: {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(BENCHMARKS)
    for name in names:
        measures = BENCHMARKS[name]()
        print_table(measures)
        record(measures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
