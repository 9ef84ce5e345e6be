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

QUICK = {"mapping": bench_mapping.mapping, "training": bench_training.training}


def main() -> int:
    """Measures the named benchmarks, all of them without a name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help=f"of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="mapping and training on little data, without recording")
    arguments = parser.parse_args()
    if arguments.quick:
        for name in arguments.names or list(QUICK):
            if name not in QUICK:
                parser.error(f"--quick is for {' and '.join(QUICK)}")
            print_table(QUICK[name](quick=True))
        return 0
    for name in arguments.names or list(BENCHMARKS):
        measures = BENCHMARKS[name]()
        print_table(measures)
        record(measures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
